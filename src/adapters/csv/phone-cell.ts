import type { CountryCode } from 'libphonenumber-js/min';
import { type ReadNumber, readNumber } from './number.ts';
import type { Row } from './rows.ts';

/** What Google Contacts puts between several numbers in one cell. */
const SEVERAL = ':::';

/**
 * The number of a row, from the first of its phone columns that is filled: one without a digit (`-`, `none`, `yes`) counts as empty. Of
 * several numbers in one cell it is the first that is one.
 */
export function readPhone({ cells }: Row, columns: number[], country: CountryCode | undefined): ReadNumber {
  const filled = columns.find((position) => /\p{Nd}/u.test(cells[position] ?? ''));
  const cell = cells[filled ?? columns[0] ?? 0] ?? '';
  if (!cell.includes(SEVERAL)) return readNumber(cell, country);
  const numbers = cell.split(SEVERAL).map((part) => readNumber(part, country));
  return numbers.find((number) => 'phone' in number) ?? (numbers[0] as ReadNumber);
}
