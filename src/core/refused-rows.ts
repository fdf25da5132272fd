/** A refused row of a file: its line, counted from 1, and why. */
export interface RefusedRow {
  line: number;
  reason: string;
}

/** The same of a database: what it is, such as `message 17`. */
export interface RefusedEntry {
  row: string;
  reason: string;
}

/** The first refused rows as lines to follow a sentence, each beginning with a line end, and how many more of `count` there are. */
export function refusedRows(first: readonly (RefusedRow | RefusedEntry)[], count: number): string {
  const rows = first.map((one) => `\n  ${'line' in one ? `line ${one.line}` : one.row}: ${one.reason}`).join('');
  return count > first.length ? `${rows}\n  and ${count - first.length} more` : rows;
}
