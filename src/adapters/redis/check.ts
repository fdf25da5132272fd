import { CheckpointUnreachable } from '../../errors.ts';
import type { Connection } from './connection.ts';

/**
 * What `doctor` says of a Redis: where and which it is, and the settings that endanger the promise. Rejects like every call when it does
 * not answer, and when it is a replica, which takes no writes.
 */
export async function checkRedis(redis: Connection): Promise<{ detail: string; warnings: string[] }> {
  await redis.call('PING');
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
  const version = info?.redis_version === undefined ? '' : ` ${info.redis_version}`;
  return {
    detail: `Redis${version} at ${redis.place}, database ${redis.database}`,
    warnings: [...evictionWarnings(info), ...durabilityWarnings(info, appendfsync)],
  };
}

type Facts = Record<string, string>;

function evictionWarnings(info: Facts | undefined): string[] {
  const policy = info?.maxmemory_policy;
  if (policy === undefined) return ['whether Redis may throw keys away could not be checked: maxmemory-policy should be noeviction'];
  if (policy === 'noeviction') return [];
  if (info?.maxmemory !== '0') return [`maxmemory-policy is ${policy}: a full Redis throws checkpoints away; set it to noeviction`];
  return [`maxmemory-policy is ${policy}: harmless while no maxmemory is set, but noeviction is safer`];
}

function durabilityWarnings(info: Facts | undefined, appendfsync: string | undefined): string[] {
  if (info?.aof_enabled === undefined) return ['whether Redis keeps an append-only file could not be checked: appendonly should be yes'];
  if (info.aof_enabled !== '1') return ['appendonly is off: a crash of Redis loses the latest claims; set appendonly yes'];
  if (appendfsync === undefined) return ['how often Redis saves could not be checked: appendfsync should be everysec or always'];
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
