import { judge, takenOver } from '../../core/fence.ts';
import { LeaseLost } from '../../errors.ts';
import type { Entries, Write } from '../../ports/entries.ts';
import { checkRedis } from './check.ts';
import { type Connection, connect, type Reply } from './connection.ts';
import { COPIED, keysOf } from './keys.ts';

/**
 * Entries in one Redis (not a cluster): `redis://…` or, over TLS, `rediss://…`. Connects with the first call. Every call rejects with
 * CheckpointUnreachable within 5 s when Redis does not answer or takes no writes, and with UsageError where the address, the password or
 * the rights are wrong; after the former the same call may be repeated, and works once Redis is back.
 */
export function redisEntries(url: string): Entries {
  const redis = connect(url);
  const place = `Redis at ${redis.place}`;

  const entries: Entries = {
    async open(name, epoch) {
      const [server, found] = await Promise.all([serverOf(redis), redis.run('open', keysOf(name), [epoch])]);
      if (found === null) throw new LeaseLost(takenOver(name));
      return { fields: read(found).fields, server };
    },

    async write(step, writes) {
      const keys = writes.flatMap(({ name }) => keysOf(name));
      const stands: Reply = await redis.run('write', keys, [step, roomFor(writes), ...writes.flatMap(argumentsOf)]);
      if (stands === null) return;
      const known = writes.map((_, i) => (stands[i][0] === null ? null : { epoch: Number(stands[i][0]), step: Number(stands[i][1]) }));
      const verdict = judge(place, { step, names: writes }, known);
      if (typeof verdict === 'object') throw new LeaseLost(verdict.lost);
      if (verdict === 'next') throw new Error(`a step that follows was refused: ${JSON.stringify(stands)}`);
    },

    async view(name) {
      const { epoch, fields } = read(await redis.call('HGETALL', name));
      return epoch === undefined ? null : { epoch: Number(epoch), fields };
    },

    check: () => checkRedis(redis, entries),
    close: () => redis.close(),
  };
  return entries;
}

/** What a step only takes away is let through even when Redis is full. */
function roomFor(writes: readonly Write[]): 'grow' | 'free' {
  return writes.some(({ fields }) => Object.values(fields).some((value) => value !== null)) ? 'grow' : 'free';
}

/** What one name adds to the arguments of the script. */
function argumentsOf({ name, epoch, fields, keptFor }: Write): (string | number)[] {
  const put: string[] = [];
  const taken: string[] = [];
  for (const [field, value] of Object.entries(fields)) {
    if (value === null) taken.push(field);
    else put.push(field, value);
  }
  const keys = keysOf(name).length;
  const copies = COPIED.slice(0, keys - 1).map((field) => {
    const value = fields[field];
    return value === undefined ? '' : value === null ? 'gone' : `=${value}`;
  });
  const kept = keptFor === undefined ? '' : (keptFor ?? 'good');
  return [keys, epoch, kept, put.length, taken.length, ...copies, ...put, ...taken];
}

/** A hash as HGETALL lists it (field, value, field, value): the fields, and our own marks among them, which begin with `@`. */
function read(found: string[]): { epoch: string | undefined; fields: Map<string, string> } {
  const all: [string, string][] = [];
  for (let i = 0; i < found.length; i += 2) all.push([found[i] as string, found[i + 1] as string]);
  const epoch = all.find(([field]) => field === '@epoch')?.[1];
  return { epoch, fields: new Map(all.filter(([field]) => !field.startsWith('@'))) };
}

/** Which process Redis is: another one after every restart and fail-over. Empty where it may not be asked. */
async function serverOf(redis: Connection): Promise<string> {
  const info: string = await redis.call('INFO', 'server').catch(() => '');
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? '';
}
