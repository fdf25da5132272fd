import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { MessageType } from '../../core/campaign.ts';
import { type PacingState, UNPACED } from '../../core/pacing.ts';
import { LockLost } from '../../errors.ts';
import { CHECKPOINT_VERSION, type Checkpoint, type Clock, KEPT_FOR, LOCK_LIFE, type Owner } from '../../ports.ts';
import { applyChanges, digestOf } from './embedded-checkpoint-apply.ts';
import type { CheckpointFile, Work } from './embedded-checkpoint-file.ts';
import { recoverFrom } from './embedded-checkpoint-recover.ts';

/** The number under which the tables keep a campaign's Message 1; its Message 2 is kept under the negative one. */
export function numberOf(campaign: number, type: MessageType): number {
  return type === 'message_1' ? campaign : -campaign;
}

/** The two locks of a run, and the wish for its line, as rows of `wsend_checkpoint_lock`. */
export function lockNames(number: number, line: string): { campaign: string; line: string; wish: string } {
  return { campaign: `campaign:${number}`, line: `line:${line}`, wish: `wanted:${line}` };
}

/**
 * A campaign's checkpoint in a SQLite file while both locks are ours; `campaign` is the number that the tables know it by. A commit that
 * equals the one applied last is not applied again.
 */
export function heldCheckpoint(file: CheckpointFile, clock: Clock, held: { campaign: number; line: string; owner: Owner }): Checkpoint {
  const { campaign, line, owner } = held;
  const names = lockNames(campaign, line);
  const run = randomUUID();
  let lent = false;
  const locks = () => sql.join(lent ? [names.campaign] : [names.campaign, names.line]);

  /** Prolongs both locks (while the line is lent, the campaign's); null when they are no longer ours. */
  async function prolong(work: Work): Promise<{ pauseRequested: boolean; applied: string | null } | null> {
    const now = clock.now();
    const { rows } = await sql<{ name: string; pause_requested: number; applied: string | null }>`
      update wsend_checkpoint_lock set expires_at = ${now + LOCK_LIFE}
      where name in (${locks()}) and token = ${owner.token} and campaign = ${campaign} and expires_at > ${now}
      returning name, pause_requested, applied`.execute(work);
    const ours = rows.find(({ name }) => name === names.campaign);
    return rows.length === (lent ? 1 : 2) && ours ? { pauseRequested: ours.pause_requested === 1, applied: ours.applied } : null;
  }

  async function isWanted(work: Work): Promise<boolean> {
    const { rows } = await sql`select 1 from wsend_checkpoint_lock where name = ${names.wish} and expires_at > ${clock.now()}`.execute(
      work,
    );
    return rows.length > 0;
  }

  async function lockLost(work: Work): Promise<LockLost> {
    const { rows } = await sql<{ name: string; campaign: number; owner: string }>`
      select name, campaign, owner from wsend_checkpoint_lock
      where name in (${locks()}) and expires_at > ${clock.now()} and (token <> ${owner.token} or campaign <> ${campaign})
      order by name`.execute(work);
    const other = rows[0];
    if (!other)
      return new LockLost(
        `the lock on campaign ${Math.abs(campaign)} and line ${line} expired while this run was suspended; nothing more is sent`,
      );
    const { pid, host } = JSON.parse(other.owner) as Owner;
    const lock = other.name === names.campaign ? `campaign ${Math.abs(campaign)}` : `line ${line}`;
    return new LockLost(`${lock} was taken over by process ${pid} on ${host} (campaign ${Math.abs(other.campaign)}); nothing more is sent`);
  }

  return {
    recover: () =>
      file.write(async (work) => {
        if (!(await prolong(work))) throw await lockLost(work);
        return recoverFrom(work, campaign, line);
      }),

    commit: (changes, pacing) =>
      file.write(async (work) => {
        const lock = await prolong(work);
        if (!lock) throw await lockLost(work);
        const digest = digestOf(changes, pacing);
        if (digest !== null && digest !== lock.applied) {
          if (changes.length > 0) await applyChanges(work, campaign, changes);
          if (pacing !== null && !lent) {
            await sql`insert or replace into wsend_checkpoint_line (line, pacing) values (${line}, ${JSON.stringify(pacing)})`.execute(
              work,
            );
          }
          await sql`update wsend_checkpoint_lock set applied = ${digest} where name = ${names.campaign}`.execute(work);
        }
        return { pauseRequested: lock.pauseRequested, lineWanted: await isWanted(work) };
      }),

    async lendLine() {
      // It may have been carried out although it failed; takeLine tells.
      const mine = sql`name = ${names.line} and token = ${owner.token} and campaign = ${campaign}`;
      await file.write(async (work) => {
        if (!(await prolong(work))) throw await lockLost(work);
        lent = true;
        await sql`delete from wsend_checkpoint_lock where ${mine}`.execute(work);
      });
    },

    async takeLine(replacing) {
      const answer = await file.write(async (work) => {
        if (!(await prolong(work))) throw await lockLost(work);
        const now = clock.now();
        const { rows } = await sql<{ campaign: number; token: string; owner: string }>`
          select campaign, token, owner from wsend_checkpoint_lock where name = ${names.line} and expires_at > ${now}`.execute(work);
        const [other] = rows.filter((lock) => !(lock.token === owner.token && lock.campaign === campaign));
        if (other !== undefined && !replacing.includes(other.token)) return { heldBy: JSON.parse(other.owner) as Owner };
        if (await isWanted(work)) return { heldBy: null };
        await sql`
          insert or replace into wsend_checkpoint_lock (name, campaign, token, owner, expires_at)
          values (${names.line}, ${campaign}, ${owner.token}, ${JSON.stringify(owner)}, ${now + LOCK_LIFE})`.execute(work);
        const paced = await sql<{ pacing: string }>`select pacing from wsend_checkpoint_line where line = ${line}`.execute(work);
        return { pacing: paced.rows[0] === undefined ? UNPACED : (JSON.parse(paced.rows[0].pacing) as PacingState) };
      });
      if ('pacing' in answer) lent = false;
      return answer;
    },

    begin: (header, { sent, failed }) =>
      file.write(async (work) => {
        if (!(await prolong(work))) throw await lockLost(work);
        await sql`
          insert into wsend_checkpoint (campaign, version, header, sent, failed)
          values (${campaign}, ${CHECKPOINT_VERSION}, ${JSON.stringify(header)}, ${sent}, ${failed})
          on conflict (campaign) do update set version = excluded.version, header = excluded.header, sent = excluded.sent,
            failed = excluded.failed, released = null, expires_at = iif(${header.finished}, expires_at, null)`.execute(work);
        await sql`
          delete from wsend_checkpoint_owner where campaign = ${campaign} and token not in (
            select kept ->> 'owner' from wsend_checkpoint_recipient where campaign = ${campaign} and place in ('claim', 'doubt'))`.execute(
          work,
        );
        await sql`update wsend_checkpoint_lock set applied = null where name = ${names.campaign}`.execute(work);
      }),

    release: (header) =>
      file.write(async (work) => {
        if (!(await prolong(work))) {
          const { rows } = await sql`select 1 from wsend_checkpoint where campaign = ${campaign} and released = ${run}`.execute(work);
          if (rows.length === 1) return;
          throw await lockLost(work);
        }
        // One that never began holds nothing worth keeping longer than a finished one.
        const expiresAt = header === null || header.finished ? clock.now() + KEPT_FOR : null;
        const replaced =
          header === null ? sql`` : sql`, version = excluded.version, header = excluded.header, expires_at = excluded.expires_at`;
        await sql`
          insert into wsend_checkpoint (campaign, version, header, sent, failed, released, expires_at)
          values (${campaign}, ${CHECKPOINT_VERSION}, ${header === null ? null : JSON.stringify(header)}, 0, 0, ${run}, ${expiresAt})
          on conflict (campaign) do update set released = excluded.released ${replaced}`.execute(work);
        await sql`delete from wsend_checkpoint_lock where name in (${locks()})`.execute(work);
      }),
  };
}
