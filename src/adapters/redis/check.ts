import { randomUUID } from 'node:crypto';
import { MINUTE } from '../../core/units.ts';
import { CheckpointUnreachable, UsageError } from '../../errors.ts';
import type { Entries } from '../../ports/entries.ts';
import type { Connection } from './connection.ts';
import { keysOf } from './keys.ts';

const MIB = 2 ** 20;
/** Less room than this is refused: thousands of claims, outcomes and retries are open at most, of some hundred bytes each. Our caution. */
const ROOM_NEEDED = 8 * MIB;

/**
 * What `doctor` says of a Redis: where and which it is, and the settings that endanger the promise. Does all that a run does, and so rejects
 * as a run would; also where it is a replica, or has too little memory left for a campaign.
 */
export async function checkRedis(redis: Connection, entries: Entries): Promise<{ detail: string; warnings: string[] }> {
  await tryOut(redis, entries);
  const [info, appendfsync] = await Promise.all([
    redis.call('INFO').then(factsOf, () => undefined),
    redis.call('CONFIG', 'GET', 'appendfsync').then(
      (pair: string[]) => pair[1],
      () => undefined,
    ),
  ]);
  if (info?.role === 'slave') {
    throw new CheckpointUnreachable(`Redis at ${redis.place} is a read-only replica`, 'Point REDIS_URL at the primary.');
  }
  if (info !== undefined) refuseWithoutRoom(redis.place, info);
  const version = info?.redis_version === undefined ? '' : ` ${info.redis_version}`;
  return {
    detail: `Redis${version} at ${redis.place}, database ${redis.database}`,
    warnings: [...evictionWarnings(info), ...durabilityWarnings(info, appendfsync)],
  };
}

/** Opens and writes a campaign and a line of a name that no other program has, and takes them away again. Where that is cut off, they run out. */
async function tryOut(redis: Connection, entries: Entries): Promise<void> {
  const id = `check-${randomUUID()}`;
  const campaign = { name: `campaign:${id}:message_1`, epoch: 1 };
  const line = { name: `line:${id}`, epoch: 1 };
  await entries.open(campaign.name, 1);
  try {
    await entries.open(line.name, 1);
    await entries.write(1, [
      { ...campaign, fields: { 1: '{}', sent: '0', failed: '0', last_message: '1' }, keptFor: MINUTE },
      { ...line, fields: { pacing: '{}' }, keptFor: MINUTE },
    ]);
    await entries.write(2, [
      { ...campaign, fields: { 1: null, sent: null, failed: null, last_message: null }, keptFor: 0 },
      { ...line, fields: { pacing: null }, keptFor: 0 },
    ]);
  } catch (error) {
    for (const key of [campaign, line].flatMap(({ name }) => keysOf(name))) await redis.call('DEL', key).catch(() => undefined);
    throw error;
  }
}

/** One that throws keys away makes room by that, and is warned about. */
function refuseWithoutRoom(place: string, info: Facts): void {
  const most = Number(info.maxmemory ?? 0);
  if (most === 0 || info.maxmemory_policy?.startsWith('allkeys')) return;
  const left = most - Number(info.used_memory) + Number(info.mem_not_counted_for_evict ?? 0);
  if (left >= ROOM_NEEDED) return;
  throw new UsageError(
    `Redis at ${place} has ${inMib(Math.max(0, left))} left of its ${inMib(most)} (maxmemory), and a campaign may need ${inMib(ROOM_NEEDED)}`,
    'Raise maxmemory, or free some.',
  );
}

function inMib(bytes: number): string {
  return `${Math.floor((10 * bytes) / MIB) / 10} MiB`;
}

type Facts = Record<string, string>;

function evictionWarnings(info: Facts | undefined): string[] {
  const policy = info?.maxmemory_policy;
  if (policy === undefined) return ['could not check whether Redis may evict keys: maxmemory-policy should be noeviction'];
  if (policy === 'noeviction') return [];
  if (info?.maxmemory !== '0') return [`maxmemory-policy is ${policy}: a full Redis evicts checkpoints; set it to noeviction`];
  return [`maxmemory-policy is ${policy}: harmless while no maxmemory is set, but noeviction is safer`];
}

function durabilityWarnings(info: Facts | undefined, appendfsync: string | undefined): string[] {
  if (info?.aof_enabled === undefined) return ['could not check whether Redis keeps an append-only file: appendonly should be yes'];
  if (info.aof_enabled !== '1') return ['appendonly is off: a crash of Redis loses the latest claims; set appendonly yes'];
  if (appendfsync === undefined) return ['could not check how often Redis saves: appendfsync should be everysec or always'];
  if (appendfsync === 'no') return ['appendfsync is no: a crash of Redis loses the latest claims; set it to everysec or always'];
  return [];
}

function factsOf(info: string): Facts {
  return Object.fromEntries(
    info.split('\r\n').flatMap((row) => {
      const colon = row.indexOf(':');
      return colon === -1 ? [] : [[row.slice(0, colon), row.slice(colon + 1)]];
    }),
  );
}
