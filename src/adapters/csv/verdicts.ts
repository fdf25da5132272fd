import type { Hash } from 'node:crypto';
import type { CountryCode } from 'libphonenumber-js/min';
import { personKey } from '../../core/person.ts';
import { trimmed } from '../../core/trimmed.ts';
import { UsageError } from '../../errors.ts';
import type { PlannedRecipient } from '../../ports/campaign-store.ts';
import { readBytes } from './bytes.ts';
import type { Format } from './delimiter.ts';
import { type Header, readHeader, variablesOf } from './header.ts';
import type { ReadNumber } from './number.ts';
import { readNumber } from './number.ts';
import { withoutPhone } from './number-columns.ts';
import { createPhoneSet } from './phone-set.ts';
import { type Row, readRows } from './rows.ts';

/** What a message template is to a row: which columns it reads, and the text it makes. */
export interface RowTemplate {
  /** What it reads although no column is so called, one sentence each. */
  unknown(columns: string[]): string[];
  /** What it reads under a default alone although no column is so called. */
  absent(columns: string[]): string[];
  write(fields: Record<string, string>): { text: string } | { problem: string };
}

/** How a file is to be read. */
export interface PeopleSource {
  path: string;
  country: CountryCode | undefined;
  /** The name of the one phone column; undefined where its name is to tell. */
  phoneColumn: string | undefined;
  /** Null where only the numbers matter; the texts are then empty. */
  message1: RowTemplate | null;
  message2: RowTemplate | null;
}

/** What was found, in the order of the file: the header, then something for each row. */
export type Verdict =
  | { kind: 'header'; header: Header; format: Format }
  /** `fields` by variable, trimmed; '' where nothing can be seen. */
  | { kind: 'accepted'; row: Row; recipient: PlannedRecipient; fields: Record<string, string>; renumbered: boolean }
  | { kind: 'duplicate'; row: Row }
  | { kind: 'refused'; row: Row; reason: string };

/**
 * Reads a file once, from top to bottom, and judges every row by itself and the ones above it: the same bytes always give the same
 * verdicts. A person who was accepted before, under whichever form of their number, is a duplicate. `bytes` is fed everything that is read. Throws UsageError for what makes the
 * whole file unusable: before any row for a wrong header or template, at its line for broken quotes or encoding.
 */
export async function* readVerdicts(source: PeopleSource, bytes: Hash): AsyncGenerator<Verdict> {
  const seen = createPhoneSet();
  let format: Format = { delimiter: ',', mark: false };
  let header: Header | undefined;
  const rows = readRows(hashed(readBytes(source.path), bytes), source.path, (found) => {
    format = found;
  });
  for await (const row of rows) {
    if (header) {
      const verdict = judge(row, header, source, seen.has);
      if (verdict.kind === 'accepted') seen.add(personKey(verdict.recipient.phone));
      yield verdict;
      continue;
    }
    header = readHeader(row.cells, source.path, source.phoneColumn);
    if (header.phones.length === 0) throw await withoutPhone(header, rows, source);
    refuseUnknown(source, header);
    yield { kind: 'header', header, format };
  }
}

function judge(row: Row, header: Header, source: PeopleSource, seen: (phone: string) => boolean): Verdict {
  const refused = (reason: string): Verdict => ({ kind: 'refused', row, reason });
  if (row.cells.length !== header.columns.length) {
    return refused(`it has ${cellCount(row.cells.length)}, the header has ${header.columns.length}`);
  }
  const number = readPhone(row, header.phones, source.country);
  if ('problem' in number) return refused(number.problem);
  if (seen(personKey(number.phone))) return { kind: 'duplicate', row };

  const fields = fieldsOf(row, header, number.phone);
  const message1 = source.message1?.write(fields) ?? { text: '' };
  if ('problem' in message1) return refused(message1.problem);
  const message2 = source.message2?.write(fields) ?? { text: null };
  if ('problem' in message2) return refused(message2.problem);

  const recipient: PlannedRecipient = {
    phone: number.phone,
    countryCode: number.callingCode,
    firstName: nameIn(row, header.firstName),
    lastName: nameIn(row, header.lastName),
    message1: message1.text,
    message2: message2.text,
  };
  return { kind: 'accepted', row, recipient, fields, renumbered: number.renumbered === true };
}

function fieldsOf(row: Row, header: Header, phone: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [position, variable] of header.variables.entries()) {
    const cell = row.cells[position] ?? '';
    if (variable !== null) fields[variable] = trimmed(cell);
  }
  if (header.firstName !== undefined) fields.first_name ??= trimmed(row.cells[header.firstName] ?? '');
  if (header.lastName !== undefined) fields.last_name ??= trimmed(row.cells[header.lastName] ?? '');
  fields.phone = phone;
  return fields;
}

/** Existing databases hold 100 characters of a name. The text has the whole name; only the contact's is cut. */
const LONGEST_NAME = 100;

function nameIn(row: Row, position: number | undefined): string | null {
  const name = position === undefined ? '' : trimmed(row.cells[position] ?? '');
  return name === '' ? null : name.length <= LONGEST_NAME ? name : [...name].slice(0, LONGEST_NAME).join('');
}

function refuseUnknown({ path, message1, message2 }: PeopleSource, header: Header): void {
  const columns = variablesOf(header);
  const unknown = [message1, message2].flatMap((template) => template?.unknown(columns) ?? []);
  if (unknown.length > 0) throw new UsageError(`${unknown.join('; ')}; the columns of ${path} are ${columns.join(', ')}`);
}

async function* hashed(pieces: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

function cellCount(count: number): string {
  return count === 1 ? '1 field' : `${count} fields`;
}

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
