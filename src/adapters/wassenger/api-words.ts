import { isFields } from './body.ts';

type Fields = Record<string, unknown>;

const set = (words: string) => new Set(words.split(' '));

/** What a person writes: it has words, or it cannot be read. */
const WRITTEN = set('text chat conversation');
/** What a person says or shows; words, where there are any, stand beside it. */
const SHOWN = set(
  'image video gif audio ptt voice document file sticker location live_location contact contacts contact_card vcard poll event order product payment',
);
/** Notices of the system, calls, and what was deleted or cannot be deciphered. */
const NOTICES = set(
  'notification notification_template e2e_notification gp2 protocol revoked deleted call call_log ciphertext system pin keep',
);

/** Parts of a message that say what was chosen in it, and parts that hold such a part beside all that was offered. */
const ANSWER = /repl|respon|select|^button$/i;
const AROUND = /button|list|interactive|template/i;
/** Where the words of a choice stand. */
const CHOICE = set('body text title displayText id payload rowId buttonId');
const SELECTED = /^selected/;
/** How far parts are looked through, and how many names a choice has at most. */
const DEEPEST = 4;
const MOST_CHOICES = 8;
const LONGEST_CHOICE = 200;

/** What a message says: its words (none where it only shows something) and the other names of what was chosen; or why it says nothing. */
export type Said = { text: string; choices?: string[] } | { notice: true } | { unread: true };

/** Reads what a contact's message says. A choice whose words cannot be found is not read: it may be STOP. */
export function wordsOf(data: Fields): Said {
  const type = data.type === undefined ? 'text' : String(data.type).toLowerCase();
  if (NOTICES.has(type)) return { notice: true };
  const media = isFields(data.media) ? data.media : undefined;
  const words = [data.body, data.text, data.caption, media?.caption].find((text) => typeof text === 'string' && text !== '');
  if (WRITTEN.has(type) && typeof words === 'string') return { text: words };
  const chosen = SHOWN.has(type) ? [] : choicesIn(data);
  const [text, ...choices] = [...new Set([words, ...chosen])].filter((word) => typeof word === 'string');
  if (text !== undefined) return { text, ...(choices.length > 0 && { choices: choices.slice(0, MOST_CHOICES) }) };
  if (SHOWN.has(type) || (WRITTEN.has(type) && (media !== undefined || data.body === ''))) return { text: '' };
  return { unread: true };
}

/** Whether a contact can have changed the words of such a message. */
export function canBeEdited({ type }: Fields): boolean {
  return type === undefined || WRITTEN.has(String(type)) || SHOWN.has(String(type));
}

function choicesIn(data: Fields): string[] {
  const quoted = isFields(data.quoted) ? data.quoted : {};
  const selected = [data, quoted].flatMap((part) => Object.entries(part).flatMap(([name, value]) => (SELECTED.test(name) ? [value] : [])));
  const under = Object.entries(data).flatMap(([name, part]) => choicesUnder(name, part, 1));
  return [data.title, ...selected, ...under].filter(isChoice);
}

function choicesUnder(name: string, part: unknown, depth: number): unknown[] {
  if (!isFields(part) || depth > DEEPEST || name === 'quoted') return [];
  const isAnswer = ANSWER.test(name);
  if (!isAnswer && !AROUND.test(name)) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    (isAnswer && CHOICE.has(key)) || SELECTED.test(key) ? [value] : choicesUnder(key, value, depth + 1),
  );
}

function isChoice(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_CHOICE;
}
