import type { Kysely, Selectable } from 'kysely';
import type { Owner } from '../../../core/checkpoint.ts';
import { LEASE_LIFE } from '../../../ports/leases.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { locked } from '../open/dialect.ts';
import type { Schema } from '../tables/table-types.ts';

/** How a name stands in the table. */
export type LeaseRow = Selectable<Schema['wsend_leases']>;

/** The epoch of a row that was made to be locked, and was never held. */
export const NOBODYS = 0;

/** The rows of these names, by name, locked one after another in the same order by everybody. */
export async function lockedRows(transaction: Kysely<Schema>, dialect: SqlDialect, names: readonly string[]): Promise<LeaseRow[]> {
  const query = transaction.selectFrom('wsend_leases').selectAll().where('name', 'in', names).orderBy('name');
  // A server may sort in another order than ours; it only needs to be the same for all.
  return (await locked(dialect, query).execute()).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Who holds it `now`, in milliseconds of the server's clock. An expiry further away than any can be comes from a clock that was set back since,
 * and holds no one up.
 */
export function holderOf({ token, owner, expires_at }: LeaseRow, now: number): Owner | null {
  const left = expires_at - now;
  return token !== null && owner !== null && left > 0 && left <= LEASE_LIFE ? (JSON.parse(owner) as Owner) : null;
}
