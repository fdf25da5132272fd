/** The words that end all messages to a number, where the operator names no others: those in use in the languages of our users. */
export const STOP_WORDS = [
  ...['stop', 'stopall', 'unsubscribe', 'end', 'quit', 'cancel', 'opt out', 'optout'],
  ...['arret', 'arreter', 'desinscrire', 'desinscription', 'desabonner'],
  ...['stopp', 'abmelden', 'baja', 'cancelar', 'parar', 'sair', 'annulla', 'afmelden'],
];

/** What is said around a stop word out of politeness and changes nothing in it, in the same languages. */
export const COURTESY = [
  ...['please', 'pls', 'plz', 'thanks', 'thank you', 'thx', 'sorry'],
  ...['svp', 'stp', "s'il vous plaît", "s'il te plaît", 'merci', 'merci beaucoup', 'merci bien', 'désolé', 'désolée', 'pardon'],
  ...['bitte', 'danke', 'vielen dank', 'por favor', 'obrigado', 'obrigada', 'gracias', 'muchas gracias', 'per favore', 'grazie'],
  ...['alstublieft', 'bedankt', 'dank u'],
];

/** The words that stop, and those that may stand around them. */
export interface StopRules {
  words: readonly string[];
  courtesy: readonly string[];
}

/**
 * True when the text is one of the words, with nothing but courtesy before and after it; case, accents, emoji, spaces and punctuation do not
 * matter.
 */
export function isStopWord(text: string, { words, courtesy }: StopRules): boolean {
  if (text.length > LONGEST_STOP) return false;
  const [stops, polite] = [foldAll(words), foldAll(courtesy)];
  /** Whether what is left is such words to its end, one that stops among them or before them. */
  const isStop = (left: string, hasStopped: boolean): boolean => {
    if (left === '') return hasStopped;
    const begins = (word: string) => left === word || left.startsWith(`${word} `);
    const after = (word: string) => left.slice(word.length + 1);
    return (
      stops.some((word) => begins(word) && isStop(after(word), true)) ||
      polite.some((word) => begins(word) && isStop(after(word), hasStopped))
    );
  };
  return isStop(fold(text), false);
}

/** The words of a comma-separated list, without empty ones. */
export function readStopWords(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => fold(word) !== '');
}

/** No stop word with all the courtesy that may stand around it is longer; a long text is not worth folding. */
const LONGEST_STOP = 100;

/** Words as they are compared: folded and with one space between them, whatever stood there. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\p{Z}\p{C}]+/gu, ' ')
    .trim();
}

function foldAll(words: readonly string[]): string[] {
  return words.map(fold).filter((word) => word !== '');
}
