import type { CountryCode } from 'libphonenumber-js/min';
import { trimmed } from '../../core/trimmed.ts';
import { UsageError } from '../../errors.ts';
import { columnsShown, type Header, refuseRow } from './header.ts';
import { readNumber } from './number.ts';
import type { Row } from './rows.ts';
import { shown } from './shown.ts';

/** Rows that are looked at to find the columns that hold numbers. */
const LOOKED_AT = 50;

/** What to do about a file none of whose columns is known to hold the numbers: says which do, by its next rows. */
export async function withoutPhone(
  { columns }: Header,
  rows: AsyncIterator<Row>,
  { path, country }: { path: string; country: CountryCode | undefined },
): Promise<UsageError> {
  refuseRow(columns, path);
  const seen = `${path} has no phone column; its columns are ${columnsShown(columns)}`;
  const [first, ...others] = (await numberColumns(columns, rows, country)).map((name) => shown(name));
  if (first === undefined) {
    return new UsageError(
      seen,
      'Name it phone, mobile, tel, téléphone, whatsapp, number or the like, or say which it is: --phone-column <name>.',
    );
  }
  if (others.length === 0) return new UsageError(`${seen}; ${first} holds numbers`, `Say that it is the one: --phone-column ${first}.`);
  return new UsageError(`${seen}; numbers are in ${[first, ...others].join(', ')}`, `Say which is the one: --phone-column ${first}.`);
}

/** The columns at least half of whose cells, as far as they are filled, look like phone numbers. */
async function numberColumns(columns: string[], rows: AsyncIterator<Row>, country: CountryCode | undefined): Promise<string[]> {
  const counts = columns.map(() => ({ numbers: 0, filled: 0 }));
  for (let looked = 0; looked < LOOKED_AT; looked++) {
    const row = await rows.next();
    if (row.done) break;
    for (const [position, count] of counts.entries()) {
      const cell = trimmed(row.value.cells[position] ?? '');
      if (cell === '') continue;
      count.filled++;
      if (looksLikeNumber(cell, country)) count.numbers++;
    }
  }
  return columns.filter((name, position) => {
    const { numbers, filled } = counts[position] ?? { numbers: 0, filled: 0 };
    return name !== '' && numbers > 0 && numbers * 2 >= filled;
  });
}

/** A number as it stands; or nothing but as many digits as a number has, and no date or amount. */
function looksLikeNumber(cell: string, country: CountryCode | undefined): boolean {
  if ('phone' in readNumber(cell, country)) return true;
  const digits = cell.replace(/[\s().\-/+']/g, '');
  return /^\d{8,15}$/.test(digits) && !/^\d{1,4}([-./])\d{1,2}\1\d{1,4}$/.test(cell);
}
