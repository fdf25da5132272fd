import { type Kysely, sql } from 'kysely';
import type { Owner } from '../../../core/checkpoint.ts';
import { plainJson } from '../../../core/plain-json.ts';
import { type Before, LEASE_LIFE } from '../../../ports/leases.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { ignoreConflicts, serverNow } from '../open/dialect.ts';
import type { Schema } from '../tables/table-types.ts';
import { holderOf, type LeaseRow, lockedRows, NOBODYS } from './lease-rows.ts';

/** Who takes which names, and the tokens of owners that are certainly over. */
export interface Taking {
  names: readonly string[];
  owner: Owner;
  dead: readonly string[];
}

/** All names under one epoch, with what they were before; or who holds the first of them that is not free. */
export type Taken = { lease: { epoch: number; before: ReadonlyMap<string, Before> } } | { heldBy: Owner; name: string };

/**
 * Takes all names or none, inside one transaction. What each was before stays in its row, so that a call whose answer was lost after the commit is
 * answered alike when it is repeated: the token is the same, and no other run had it in between. Killed before the commit, nothing is taken; after it,
 * the names expire.
 */
export async function takeLeases(transaction: Kysely<Schema>, dialect: SqlDialect, { names, owner, dead }: Taking): Promise<Taken> {
  const { token } = owner;
  // In one order, and before they are locked: two that lock a gap in which each wants to insert would wait for each other on MySQL.
  const missing = [...new Set(names)].sort().map((name) => ({ name, epoch: NOBODYS, expires_at: 0 }));
  await ignoreConflicts(dialect, transaction.insertInto('wsend_leases').values(missing), 'name').execute();
  const rows = await lockedRows(transaction, dialect, names);
  // Asked only now: the locks may have been waited for.
  const clock = await sql<{ ms: number }>`select ${serverNow(dialect)} as ms`.execute(transaction);
  const now = Number(clock.rows[0]?.ms);
  const expires_at = now + LEASE_LIFE;
  const ours = (row: LeaseRow) => row.token === token && row.epoch === rows[0]?.epoch;

  if (rows.every(ours)) {
    await transaction.updateTable('wsend_leases').set({ expires_at }).where('name', 'in', names).execute();
    const was = (row: LeaseRow): Before => ({ epoch: row.before_epoch, givenBack: row.before_given_back === 1, silentMs: null });
    return { lease: { epoch: rows[0]?.epoch ?? NOBODYS, before: new Map(rows.map((row) => [row.name, was(row)])) } };
  }
  for (const row of rows) {
    const heldBy = holderOf(row, now);
    if (heldBy !== null && !dead.includes(heldBy.token)) return { heldBy, name: row.name };
  }
  const epoch = Math.max(now, ...rows.map((row) => row.epoch + 1));
  const before = new Map<string, Before>();
  for (const row of rows) {
    const had = row.epoch !== NOBODYS;
    const silentMs = had ? now - (row.expires_at - LEASE_LIFE) : null;
    const was = { epoch: had ? row.epoch : null, givenBack: had && row.token === null, silentMs };
    before.set(row.name, was);
    await transaction
      .updateTable('wsend_leases')
      .set({ epoch, token, owner: plainJson(owner), asked: null, expires_at })
      .set({ before_epoch: was.epoch, before_given_back: Number(was.givenBack) })
      .where('name', '=', row.name)
      .execute();
  }
  return { lease: { epoch, before } };
}
