import type { KyselyPlugin, UnknownRow } from 'kysely';
import { UsageError } from '../../../errors.ts';

/** The columns that tell rows apart, as queries name them. */
const ID_COLUMNS = ['id', 'campaign_id', 'category_id', 'contact_id', 'message_id'];

/**
 * Refuses every row that is read with an id that is no exact number here: rounded, it would be its neighbour's, and one person's text would go
 * to another. The drivers give such a number as text.
 */
export const exactIds: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    const columns = ID_COLUMNS.filter((column) => column in (result.rows[0] ?? {}));
    for (const row of result.rows as UnknownRow[]) for (const column of columns) exactId(row[column], column);
    return result;
  },
};

/** An id as a number. Throws UsageError for one that is no exact number here. */
export function exactId(value: unknown, column: string): number {
  const id = Number(value);
  if (value === null || Number.isNaN(id) || Number.isSafeInteger(id)) return id;
  throw new UsageError(
    `the database has a row whose ${column} is ${value}; only ids up to ${Number.MAX_SAFE_INTEGER} can be told apart`,
    GIVE_ANOTHER,
  );
}

/** What to do about an id that cannot be used. */
export const GIVE_ANOTHER = 'Give that row, and all that refer to it, a smaller id.';

/** A whole number of 64 bits as its server writes it: a number where it is exact, else its text. */
export function wholeNumber(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}
