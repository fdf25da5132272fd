import { type Kysely, sql } from 'kysely';
import type { MessageType } from '../../core/campaign.ts';
import { checkVersion } from '../../errors.ts';
import {
  type Acquired,
  type CheckpointHeader,
  type CheckpointStore,
  type CheckpointView,
  type Clock,
  KEPT_FOR,
  LOCK_LIFE,
  NO_CHECKPOINT,
  type Owner,
  WISH_LIFE,
} from '../../ports.ts';
import { checkpointFile, type Work } from './embedded-checkpoint-file.ts';
import { heldCheckpoint, lockNames, numberOf } from './embedded-checkpoint-held.ts';

/**
 * Checkpoints in a SQLite file that `openSqlite` opened, in tables of our own (`wsend_checkpoint…`, made with the first call). Locks and
 * their expiry go by `clock`; all processes that share the file share the machine and so its time. Rejects with CheckpointUnreachable when
 * the file is locked for long, full, damaged or not writable. `close` leaves the file open: whoever opened it closes it.
 */
// biome-ignore lint/suspicious/noExplicitAny: the file is shared with the campaign store, whatever tables that one has.
export function embeddedCheckpointStore(db: Kysely<any>, clock: Clock, type: MessageType = 'message_1'): CheckpointStore {
  const file = checkpointFile(db);
  const number = (campaign: number) => numberOf(campaign, type);
  return {
    acquire: (id, line, owner, replacing) =>
      file.write(async (work): Promise<Acquired> => {
        const campaign = number(id);
        const names = lockNames(campaign, line);
        await forgetExpired(work, clock.now());
        const about = await sql<{ version: number }>`select version from wsend_checkpoint where campaign = ${campaign}`.execute(work);
        checkVersion(id, about.rows[0]?.version ?? null);
        const held = await sql<{ name: string; campaign: number; token: string; owner: string }>`
          select name, campaign, token, owner from wsend_checkpoint_lock where name in (${names.campaign}, ${names.line}) order by name`.execute(
          work,
        );
        const ours = held.rows.filter((lock) => lock.token === owner.token && lock.campaign === campaign);
        const other = held.rows.find((lock) => !ours.includes(lock) && !replacing.includes(lock.token));
        if (other) {
          const what = other.name === names.campaign ? 'campaign' : 'line';
          const held = { campaign: Math.abs(other.campaign), type: other.campaign > 0 ? 'message_1' : 'message_2' } as const;
          return { heldBy: JSON.parse(other.owner) as Owner, what, ...held };
        }
        for (const name of [names.campaign, names.line]) {
          await sql`
            insert into wsend_checkpoint_lock (name, campaign, token, owner, expires_at)
            values (${name}, ${campaign}, ${owner.token}, ${JSON.stringify(owner)}, ${clock.now() + LOCK_LIFE})
            on conflict (name) do update set campaign = excluded.campaign, token = excluded.token, owner = excluded.owner,
              expires_at = excluded.expires_at, applied = null, pause_requested = iif(token = excluded.token, pause_requested, 0)`.execute(
            work,
          );
        }
        await sql`delete from wsend_checkpoint_lock where name = ${names.wish} and token = ${owner.token}`.execute(work);
        return { checkpoint: heldCheckpoint(file, clock, { campaign, line, owner }) };
      }),

    view: (id) =>
      file.read(async (db): Promise<CheckpointView> => {
        const campaign = number(id);
        const now = clock.now();
        const { rows } = await sql<ViewRow>`
          select c.version, c.header, c.sent, c.failed, c.last_message,
            (select owner from wsend_checkpoint_lock where name = ${lockNames(campaign, '').campaign} and expires_at > ${now}) as owner,
            (select json_group_object(place, n) from (
              select place, count(*) as n from wsend_checkpoint_recipient where campaign = ${campaign}
                and not exists (select 1 from wsend_checkpoint where campaign = ${campaign} and expires_at <= ${now})
              group by place)) as places
          from (select 1) left join wsend_checkpoint c on c.campaign = ${campaign} and coalesce(c.expires_at > ${now}, true)`.execute(db);
        const row = rows[0] as ViewRow;
        checkVersion(id, row.version);
        const places: Record<string, number> = JSON.parse(row.places);
        return {
          header: row.header === null ? null : (JSON.parse(row.header) as CheckpointHeader),
          owner: row.owner === null ? null : (JSON.parse(row.owner) as Owner),
          sent: row.sent ?? 0,
          failed: row.failed ?? 0,
          lastMessage: row.last_message,
          inDoubt: places.doubt ?? 0,
          claimed: places.claim ?? 0,
          retrying: places.retry ?? 0,
          unstored: { sent: places.sent ?? 0, failed: places.failed ?? 0 },
        };
      }, NO_CHECKPOINT),

    wantLine: (line, owner) =>
      file.write(async (work) => {
        await sql`
          insert or replace into wsend_checkpoint_lock (name, campaign, token, owner, expires_at)
          values (${lockNames(0, line).wish}, 0, ${owner.token}, ${JSON.stringify(owner)}, ${clock.now() + WISH_LIFE})`.execute(work);
      }),

    moveCounters: ({ campaign, sent, failed }) =>
      file.write(async (work) => {
        await sql`
          update wsend_checkpoint set sent = sent + ${sent}, failed = failed + ${failed}
          where campaign = ${number(campaign)} and header is not null`.execute(work);
      }),

    revise: (id, change, replacing) =>
      file.write(async (work) => {
        const campaign = number(id);
        await forgetExpired(work, clock.now());
        const { rows } = await sql<{ header: string; token: string | null }>`
          select c.header, l.token from wsend_checkpoint c
          left join wsend_checkpoint_lock l on l.name = ${lockNames(campaign, '').campaign}
          where c.campaign = ${campaign} and c.header is not null`.execute(work);
        const [about] = rows;
        if (about === undefined || (about.token !== null && !replacing.includes(about.token))) return false;
        const header = change(JSON.parse(about.header) as CheckpointHeader);
        const expiresAt = header.finished ? clock.now() + KEPT_FOR : null;
        await sql`
          update wsend_checkpoint set header = ${JSON.stringify(header)}, expires_at = ${expiresAt} where campaign = ${campaign}`.execute(
          work,
        );
        await sql`delete from wsend_checkpoint_lock where name = ${lockNames(campaign, '').campaign}`.execute(work);
        return true;
      }),

    requestPause: (campaign) =>
      file.write(async (work) => {
        const { rows } = await sql`
          update wsend_checkpoint_lock set pause_requested = 1
          where name = ${lockNames(number(campaign), '').campaign} and expires_at > ${clock.now()} returning name`.execute(work);
        return rows.length === 1;
      }),

    async check() {
      const path = await file.path();
      await file.write((work) => sql`delete from wsend_checkpoint_line where false`.execute(work));
      return { detail: `SQLite file ${path}`, warnings: [] };
    },

    close: async () => undefined,
  };
}

interface ViewRow {
  version: number | null;
  header: string | null;
  sent: number | null;
  failed: number | null;
  last_message: number | null;
  owner: string | null;
  places: string;
}

/** Locks without a heartbeat, and checkpoints of campaigns that were finished long enough ago. */
async function forgetExpired(work: Work, now: number): Promise<void> {
  await sql`delete from wsend_checkpoint_lock where expires_at <= ${now}`.execute(work);
  const expired = sql`(select campaign from wsend_checkpoint where expires_at <= ${now})`;
  await sql`delete from wsend_checkpoint_recipient where campaign in ${expired}`.execute(work);
  await sql`delete from wsend_checkpoint_owner where campaign in ${expired}`.execute(work);
  await sql`delete from wsend_checkpoint where expires_at <= ${now}`.execute(work);
}
