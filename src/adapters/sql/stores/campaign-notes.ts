import type { Insertable, Kysely } from 'kysely';
import { identityOf } from '../../../core/campaign.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { chunks } from '../tables/chunks.ts';
import { fromStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';

/** What wsend itself keeps of a campaign, for it changes no table of others: in `wsend_campaigns`, which is there. */
type Note = Insertable<Schema['wsend_campaigns']>;

/** Writes what is given and leaves the rest of the note; one of another campaign that had this number before is replaced. */
export async function noteCampaign(
  db: Kysely<Schema>,
  dialect: SqlDialect,
  { campaign_id, identity, ...given }: Pick<Note, 'campaign_id' | 'identity'> & Partial<Pick<Note, 'recent' | 'cancelled_at'>>,
): Promise<void> {
  await db.deleteFrom('wsend_campaigns').where('campaign_id', '=', campaign_id).where('identity', '!=', identity).execute();
  const insert = db.insertInto('wsend_campaigns').values({ campaign_id, identity, recent: null, ...given });
  const changed = { identity, ...given };
  await (dialect === 'mysql'
    ? insert.onDuplicateKeyUpdate(changed)
    : insert.onConflict((on) => on.column('campaign_id').doUpdateSet(changed))
  ).execute();
}

/** When each of these campaigns was cancelled that was. */
export async function cancelledAmong(db: Kysely<Schema>, campaigns: { id: number; created_at: unknown }[]): Promise<Map<number, EpochMs>> {
  const identities = new Map(campaigns.map(({ id, created_at }) => [Number(id), identityOf({ createdAt: fromStored(created_at) })]));
  const cancelled = new Map<number, EpochMs>();
  for (const ids of chunks([...identities.keys()])) {
    const rows = db.selectFrom('wsend_campaigns').select(['campaign_id', 'identity', 'cancelled_at']).where('campaign_id', 'in', ids);
    for (const { campaign_id, identity, cancelled_at } of await rows.where('cancelled_at', 'is not', null).execute()) {
      const id = Number(campaign_id);
      if (identities.get(id) === identity) cancelled.set(id, fromStored(cancelled_at) ?? 0);
    }
  }
  return cancelled;
}

/** Whether a campaign was cancelled. */
export async function isCancelled(db: Kysely<Schema>, campaign: number): Promise<boolean> {
  const row = await db.selectFrom('campaigns').select(['id', 'created_at']).where('id', '=', campaign).executeTakeFirst();
  return row !== undefined && (await cancelledAmong(db, [row])).size > 0;
}
