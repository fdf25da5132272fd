import { randomBytes } from 'node:crypto';
import { type PacingState, UNPACED } from '../../core/pacing.ts';
import { checkVersion, LockLost } from '../../errors.ts';
import { CHECKPOINT_VERSION, type Checkpoint, type CheckpointHeader, type Owner, ownersOf } from '../../ports.ts';
import type { Connection, Reply } from './connection.ts';
import { decode, decodeHashes, decodeLock, encodeChanges, encodeLock, encodeOwner, grows } from './encoding.ts';
import { keysOf, type Stream } from './keys.ts';

/**
 * A campaign's checkpoint in Redis while both locks are ours. Its steps are sent one at a time and numbered: a step that is repeated because
 * its reply was lost keeps its number, and a number that was applied is never applied again, however late its first copy arrives.
 */
export function heldCheckpoint(redis: Connection, stream: Stream, line: string, owner: Owner): Checkpoint {
  const { campaign } = stream;
  const keys = keysOf(stream, line);
  const lock = encodeLock(owner, stream, line);
  let lent = false;
  const run = randomBytes(9).toString('base64url');
  const numberOf = stepNumbers();
  const inTurn = queue();
  let knownOwners = new Set<string>();
  let known = 0;

  async function ask(
    script: 'recover' | 'commit' | 'begin' | 'release' | 'lendLine' | 'takeLine',
    step: number,
    args: string[],
  ): Promise<Reply[]> {
    const [answer, ...rest] = await redis.run(script, keys, [lock, run, `${step} ${known}`, lent ? 'lent' : 'held', ...args]);
    if (answer === 'lost') throw lockLost({ campaign, line, lock, holders: rest });
    if (answer === 'back') throw wentBack(redis.place);
    const [total, ...said] = rest;
    known = Math.max(known, total);
    return said;
  }

  return {
    recover: () =>
      inTurn(async () => {
        const server = await serverOf(redis);
        const [version, header, lastServer, pacing, sent, failed, claims, outcomes, doubts, retries, owners] = await ask('recover', 0, []);
        checkVersion(campaign, version);
        const { owners: stored, ...places } = decodeHashes(claims, outcomes, doubts, retries, owners);
        knownOwners = new Set(stored);
        return {
          header: header === null ? null : decode<CheckpointHeader>(header),
          ...places,
          counted: header === null ? null : { sent: Number(sent ?? 0), failed: Number(failed ?? 0) },
          pacing: pacing === null ? UNPACED : decode<PacingState>(pacing),
          ...(header !== null && (server === '' || server !== lastServer) ? { mayHaveForgotten: true } : {}),
        };
      }),

    commit: (changes, pacing) =>
      inTurn(async () => {
        const state = pacing === null ? '' : JSON.stringify(pacing);
        const flat = encodeChanges(changes);
        const isHeartbeat = flat.length === 0 && state === '';
        const newOwners = new Map(ownersOf(changes).flatMap((one) => (knownOwners.has(one.token) ? [] : [[one.token, encodeOwner(one)]])));
        const room = grows(changes) || state !== '' ? 'grow' : 'shrink';
        const step = isHeartbeat ? 0 : numberOf(['commit', state, ...flat]);
        const [pause, wanted] = await ask('commit', step, [room, state, `${newOwners.size}`, ...[...newOwners].flat(), ...flat]);
        for (const token of newOwners.keys()) knownOwners.add(token);
        return { pauseRequested: pause === 1, lineWanted: wanted === 1 };
      }),

    lendLine: () =>
      inTurn(async () => {
        if (lent) return;
        // It may have been carried out although its reply is lost.
        lent = true;
        await ask('lendLine', 0, []);
      }),

    takeLine: (replacing) =>
      inTurn(async () => {
        const [answer, detail] = await ask('takeLine', 0, replacing);
        if (answer !== 'taken') return { heldBy: answer === 'held' ? decodeLock(detail).owner : null };
        lent = false;
        return { pacing: detail === null ? UNPACED : decode<PacingState>(detail) };
      }),

    begin: (header, { sent, failed }) =>
      inTurn(async () => {
        const args = [`${CHECKPOINT_VERSION}`, JSON.stringify(header), `${sent}`, `${failed}`, header.finished ? 'finished' : ''];
        const step = numberOf(['begin', ...args]);
        await ask('begin', step, [...args, owner.token, encodeOwner(owner), await serverOf(redis)]);
        knownOwners = new Set([owner.token]);
      }),

    release: (header) =>
      inTurn(async () => {
        const about =
          header === null ? ['as it is'] : [header.finished ? 'finished' : 'unfinished', `${CHECKPOINT_VERSION}`, JSON.stringify(header)];
        await ask('release', 0, about);
      }),
  };
}

/** Gives equal consecutive steps the same number, and every other the next. */
function stepNumbers(): (step: string[]) => number {
  let last: string[] = [];
  let number = 0;
  return (step) => {
    if (step.length !== last.length || step.some((part, i) => part !== last[i])) {
      last = step;
      number += 1;
    }
    return number;
  };
}

/** Runs one piece of work after another, whether or not the one before failed; at once when there is none, so that it is on its way first. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> | null = null;
  return (work) => {
    const result = last === null ? work() : last.then(work);
    const over = () => {
      if (last === mine) last = null;
    };
    const mine = result.then(over, over);
    last = mine;
    return result;
  };
}

/** Which process Redis is: another one after every restart and fail-over. Empty where it may not be asked. */
async function serverOf(redis: Connection): Promise<string> {
  const info: string = await redis.call('INFO', 'server').catch(() => '');
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? '';
}

function wentBack(place: string): LockLost {
  return new LockLost(
    `Redis at ${place} went back to an earlier state (a fail-over, or a restart that lost its last seconds): it does not know what it had confirmed; nothing more is sent`,
  );
}

function lockLost(at: { campaign: number; line: string; lock: string; holders: (string | null)[] }): LockLost {
  const names = [`campaign ${at.campaign}`, `line ${at.line}`];
  const other = at.holders.findIndex((holder) => holder !== null && holder !== at.lock);
  if (other === -1) {
    const gone = names.filter((_, i) => at.holders[i] === null).join(' and ');
    return new LockLost(`the lock on ${gone} is gone: it expired while this run was suspended, or Redis was wiped; nothing more is sent`);
  }
  const { owner, campaign } = decodeLock(at.holders[other] as string);
  return new LockLost(
    `${names[other]} was taken over by process ${owner.pid} on ${owner.host} (campaign ${campaign}); nothing more is sent`,
  );
}
