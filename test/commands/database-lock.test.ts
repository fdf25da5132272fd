import { describe, expect, it } from 'vitest';
import { whileLocked } from '../../src/commands/database-lock.ts';
import type { Event } from '../../src/core/event.ts';
import { HeldElsewhere } from '../../src/errors.ts';
import type { DatabaseLock } from '../../src/ports.ts';
import { MemoryProvider } from '../support/memory-provider.ts';
import { SimClock } from '../support/sim-clock.ts';

const MESSAGE = { reference: 'r', phone: '+2290196000001', content: 'Hello' };

function scene() {
  const clock = new SimClock();
  const memory = new MemoryProvider(clock);
  const losing = new AbortController();
  const lock = { until: clock.now() + 10_000 };
  const databaseLock: DatabaseLock = {
    goodUntil: () => lock.until,
    lost: losing.signal,
    onTakeOver: () => undefined,
    onPauseRequest: () => undefined,
    release: async () => undefined,
  };
  const told: Event[] = [];
  const provider = whileLocked(memory, databaseLock, clock, { tell: (event) => void told.push(event) });
  const send = (notAfter = clock.now() + 10_000) => clock.run(provider.send(MESSAGE, { notAfter }));
  return { clock, memory, losing, lock, told, provider, send };
}

describe('with a lock in the database', () => {
  it('messages are sent as ever while it is good', async () => {
    const { memory, send, told, provider } = scene();
    expect(await send()).toMatchObject({ kind: 'accepted' });
    expect(memory.accepted).toHaveLength(1);
    expect(provider.line).toBe(memory.line);
    expect(await provider.askLine()).toMatchObject({ kind: 'ready' });
    expect(told).toEqual([]);
  });

  it('nothing is sent while it is being taken again: the call is put back, and it is said once', async () => {
    const { clock, lock, memory, send, told } = scene();
    lock.until = 0;
    const begin = clock.now();
    expect([await send(), await send()]).toMatchObject([
      { kind: 'unavailable', code: 'late' },
      { kind: 'unavailable', code: 'late' },
    ]);
    expect(clock.now() - begin).toBe(20_000);
    expect(told.map((event) => event.type === 'notice' && event.level)).toEqual(['warning']);
    lock.until = clock.now() + 10_000;
    expect(await send()).toMatchObject({ kind: 'accepted' });
    expect(told.map((event) => event.type === 'notice' && event.level)).toEqual(['warning', 'info']);
    expect(memory.accepted).toHaveLength(1);
  });

  it('a call that waited is not made even when it is held again, so that those that waited do not all go out at once', async () => {
    const { clock, lock, memory, provider } = scene();
    lock.until = 0;
    const waiting = provider.send(MESSAGE, { notAfter: clock.now() + 10_000 });
    await clock.run(clock.sleep(clock.now() + 1_000));
    lock.until = clock.now() + 10_000;
    expect(await clock.run(waiting)).toMatchObject({ kind: 'unavailable', code: 'late' });
    expect(memory.accepted).toEqual([]);
  });

  it('a call is not written after the moment until which it is surely held', async () => {
    const { clock, lock, provider, memory } = scene();
    const limits: number[] = [];
    memory.send = async (_message, { notAfter }) => {
      limits.push(notAfter);
      return { kind: 'unavailable', code: 'late', reason: '' };
    };
    const bounded = whileLocked(memory, { ...scene(), goodUntil: () => lock.until } as never, clock, { tell: () => undefined });
    await bounded.send(MESSAGE, { notAfter: clock.now() + 60_000 });
    await bounded.send(MESSAGE, { notAfter: clock.now() + 1_000 });
    expect(limits).toEqual([lock.until, clock.now() + 1_000]);
    expect(provider.line).toBe('line-1');
  });

  it('nobody waits once it is lost for good', async () => {
    const { clock, lock, losing, send } = scene();
    lock.until = 0;
    losing.abort(new HeldElsewhere('another run holds it'));
    const begin = clock.now();
    expect(await send()).toMatchObject({ kind: 'unavailable', code: 'late' });
    expect(clock.now()).toBe(begin);
  });
});
