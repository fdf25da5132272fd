import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { PacingState } from '../../core/pacing.ts';
import { CHECKPOINT_VERSION, type Change, ownersOf } from '../../ports.ts';
import type { Work } from './embedded-checkpoint-file.ts';
import { fold, messagesOf, type Place } from './embedded-checkpoint-fold.ts';

/** Writes changes to a campaign's checkpoint: a handful of statements, however many changes there are. */
export async function applyChanges(work: Work, campaign: number, changes: Change[]): Promise<void> {
  const { rows } = await sql<{ message: number; place: Place }>`
    select message, place from wsend_checkpoint_recipient
    where campaign = ${campaign} and message in (select value from json_each(${JSON.stringify(messagesOf(changes))}))`.execute(work);
  const { put, remove, sent, failed, lastMessage } = fold(changes, new Map(rows.map(({ message, place }) => [message, place])));

  const owners = [...new Map(ownersOf(changes).map((owner) => [owner.token, [owner.token, JSON.stringify(owner)]])).values()];
  if (owners.length > 0) {
    await sql`
      insert or ignore into wsend_checkpoint_owner (campaign, token, owner)
      select ${campaign}, value ->> 0, value ->> 1 from json_each(${JSON.stringify(owners)})`.execute(work);
  }
  if (put.length > 0) {
    await sql`
      insert or replace into wsend_checkpoint_recipient (campaign, message, place, kept)
      select ${campaign}, value ->> 0, value ->> 1, value ->> 2 from json_each(${JSON.stringify(put)})`.execute(work);
  }
  if (remove.length > 0) {
    await sql`
      delete from wsend_checkpoint_recipient
      where campaign = ${campaign} and message in (select value from json_each(${JSON.stringify(remove)}))`.execute(work);
  }
  if (sent !== 0 || failed !== 0 || lastMessage !== null) {
    await sql`
      insert into wsend_checkpoint (campaign, version, sent, failed, last_message)
      values (${campaign}, ${CHECKPOINT_VERSION}, ${sent}, ${failed}, ${lastMessage})
      on conflict (campaign) do update set sent = sent + excluded.sent, failed = failed + excluded.failed,
        last_message = coalesce(excluded.last_message, last_message)`.execute(work);
  }
}

/** Tells one commit from another; null for a heartbeat, which changes nothing. */
export function digestOf(changes: Change[], pacing: PacingState | null): string | null {
  if (changes.length === 0 && pacing === null) return null;
  return createHash('sha1')
    .update(JSON.stringify([changes, pacing]))
    .digest('base64');
}
