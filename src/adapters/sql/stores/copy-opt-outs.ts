import type { Kysely } from 'kysely';
import { withDatabaseErrors } from '../open/database-errors.ts';
import { type Reading, reading } from '../open/reading.ts';
import type { Database } from '../open/sql-database.ts';
import { inTransaction } from '../open/transaction.ts';
import type { Schema } from '../tables/table-types.ts';
import { listPage, setOptOuts } from './opt-outs.ts';

/** What says of a number on the sandbox's list that it was copied: it is on it for as long as it is on the operator's. */
const COPIED = 'copied for the rehearsal';

/** Puts those who want no messages on the sandbox's list, too, in `to`. Only reads `from`; see copyCampaign for what rejects. */
export function copyOptOuts({ from, to }: { from: Database; to: Database }): Promise<void> {
  return reading(from, (source) => withDatabaseErrors(to, () => inTransaction(to, (rehearsal) => copyList(source, rehearsal, to.stamp()))));
}

/**
 * The same inside both transactions. Who has asked for no messages in the sandbox itself stays on its list; a number that was copied before
 * and is no longer on the operator's goes.
 */
export async function copyList(source: Reading, rehearsal: Kysely<Schema>, now: string): Promise<void> {
  await rehearsal.deleteFrom('wsend_optouts').where('source', '=', COPIED).execute();
  if (!source.tables.has('wsend_optouts')) return;
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { rows, next } = await withDatabaseErrors(source, () => listPage(source.db, after as string));
    await setOptOuts(rehearsal, { phones: rows.map(({ phone }) => phone), out: true, source: COPIED, now });
    after = next;
  }
}
