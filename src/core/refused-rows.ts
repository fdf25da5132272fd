/** A refused row of a file: its line, counted from 1, and why. */
export interface RefusedRow {
  line: number;
  reason: string;
}

/** The first refused rows as lines to follow a sentence, each beginning with a line end, and how many more of `count` there are. */
export function refusedRows(first: RefusedRow[], count: number): string {
  const rows = first.map(({ line, reason }) => `\n  line ${line}: ${reason}`).join('');
  return count > first.length ? `${rows}\n  and ${count - first.length} more` : rows;
}
