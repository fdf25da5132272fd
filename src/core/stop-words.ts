/** The words that end all messages to a number, where the operator names no others: those in use in the languages of our users. */
export const STOP_WORDS = [
  ...['stop', 'stopall', 'unsubscribe', 'end', 'quit', 'cancel', 'opt out', 'optout'],
  ...['arret', 'arreter', 'desinscrire', 'desinscription', 'desabonner'],
  ...['stopp', 'abmelden', 'baja', 'cancelar', 'parar', 'sair', 'annulla', 'afmelden'],
];

/** True when the whole text is one of the words; case, accents, spaces and punctuation around it do not matter. */
export function isStopWord(text: string, words: readonly string[]): boolean {
  if (text.length > LONGEST_STOP) return false;
  const folded = fold(text);
  return folded !== '' && words.some((word) => fold(word) === folded);
}

/** The words of a comma-separated list, without empty ones. */
export function readStopWords(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => fold(word) !== '');
}

/** No stop word with all that may stand around it is longer; a long text is not worth folding. */
const LONGEST_STOP = 100;

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/^[\p{P}\p{S}\p{Z}\p{C}]+|[\p{P}\p{S}\p{Z}\p{C}]+$/gu, '')
    .replace(/[\s\p{Pd}]+/gu, ' ');
}
