/** What may stand between two cells, in the order in which a tie is decided: a comma is more often part of a name than a tab. */
const DELIMITERS = ['\t', ';', ','];

/** How a file is laid out. */
export interface Format {
  delimiter: string;
  /** True when it began with a byte order mark, as spreadsheets like it. */
  mark: boolean;
}

/**
 * Where the first line with something on it begins and ends, line ends inside quotes not counted, or undefined while `text` does not
 * hold it whole. Lines with nothing but white space and delimiters are passed over.
 */
export function findHeader(text: string): { begin: number; end: number } | undefined {
  let begin = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    if (text[at] !== '\n' || quoted) continue;
    if (/[^\s,;]/.test(text.slice(begin, at))) return { begin, end: at };
    begin = at + 1;
  }
  return undefined;
}

/** The delimiter that is most frequent in a header outside quotes; a comma where there is none. */
export function detectDelimiter(header: string): string {
  const bare = header.replace(/"[^"]*"?/g, '');
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return most === 0 ? ',' : (DELIMITERS[counts.indexOf(most)] ?? ',');
}

/** The delimiter that a first line `sep=;` announces (Excel writes and obeys it), or undefined. */
export function announcedDelimiter(line: string): string | undefined {
  return /^sep=([,;\t])$/i.exec(line)?.[1];
}
