import { describe, expect, it } from 'vitest';
import { lineName, type Owner } from '../../src/core/checkpoint.ts';
import { DatabaseUnreachable, LeaseLost } from '../../src/errors.ts';
import { HEARTBEAT, type HeldLease, holdLease, SURE_FOR } from '../../src/loop/held-lease.ts';
import { LEASE_LIFE, type Wish } from '../../src/ports/leases.ts';
import { MemoryLeases } from '../support/memory-leases.ts';
import { SimClock } from '../support/sim-clock.ts';

const NAMES = ['campaign:42:message_1', lineName('line-1')];
const HOUR = 3_600_000;

const owner = (token: string): Owner => ({
  ...{ token, host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: 1, startedAt: 0, birth: '' },
});

/** A lease that is held, on a server whose clock is its own, and what another run can do. */
async function scene() {
  const clock = new SimClock();
  // How far the clock of this machine was set since.
  const set = { by: 0 };
  const serverNow = () => clock.now() - set.by;
  const leases = new MemoryLeases(serverNow);
  const away = { from: Number.POSITIVE_INFINITY, until: Number.NEGATIVE_INFINITY };
  let signs = 0;
  leases.before = async (operation) => {
    if (operation === 'prolong') signs += 1;
    if (operation === 'prolong' && serverNow() >= away.from && serverNow() < away.until) throw new DatabaseUnreachable('no answer');
  };
  const take = async (token: string, dead: string[] = []) => {
    const answer = await leases.take(NAMES, owner(token), dead);
    return 'lease' in answer ? answer.lease : null;
  };
  const taken = await take('run');
  if (taken === null) throw new Error('it is held');
  const held = holdLease(taken, clock, clock.now());
  const isSure = () => held.goodUntil(clock.now()) > clock.now();
  const pass = (ms: number) => clock.run(clock.sleep(clock.now() + ms));
  const setClock = (by: number) => {
    set.by += by;
    clock.step(by);
  };
  return { clock, leases, held, take, taken, away, isSure, pass, setClock, signs: () => signs };
}

const wishesOf = (held: HeldLease) => {
  const heard: [string, Wish][] = [];
  held.onWish((name, wish) => void heard.push([name, wish]));
  return heard;
};

describe('a lease that is held', () => {
  it('gives signs of life, is sure all the time, and cannot be taken by another', async () => {
    const { held, isSure, pass, take, signs } = await scene();
    for (let i = 0; i < 40; i += 1) {
      await pass(1_000);
      expect(isSure()).toBe(true);
      expect(await take('other')).toBeNull();
    }
    expect(signs()).toBeGreaterThanOrEqual(40_000 / HEARTBEAT - 1);
    expect(await held.release()).toBe(true);
  });

  it('is not sure once no sign of life was heard for a while, before anybody else can take it', async () => {
    const { clock, held, away, isSure, pass, take } = await scene();
    await pass(5_000);
    Object.assign(away, { from: clock.now(), until: Number.POSITIVE_INFINITY });
    const begin = clock.now();
    while (isSure()) await pass(100);
    expect(clock.now() - begin).toBeLessThanOrEqual(SURE_FOR);
    expect(await take('other')).toBeNull();
    expect(held.lost.aborted).toBe(false);
    await expect(clock.run(held.confirm())).rejects.toBeInstanceOf(DatabaseUnreachable);
    expect(held.lost.aborted).toBe(false);
  });

  it('is sure again with the first sign of life that is heard, however late, as long as nobody has taken it', async () => {
    const { clock, held, away, isSure, pass } = await scene();
    Object.assign(away, { from: clock.now(), until: clock.now() + 10 * LEASE_LIFE });
    await pass(10 * LEASE_LIFE - 100);
    expect(isSure()).toBe(false);
    await pass(HEARTBEAT + 100);
    expect([isSure(), held.lost.aborted]).toEqual([true, false]);
  });

  it('counts from the moment when a sign of life was sent, not from its answer', async () => {
    const { clock, leases, held, pass } = await scene();
    leases.after = (operation) => (operation === 'prolong' ? clock.sleep(clock.now() + 7_000) : Promise.resolve());
    const issued = clock.now();
    await clock.run(held.confirm());
    expect(clock.now() - issued).toBe(7_000);
    expect(held.goodUntil(clock.now())).toBe(issued + SURE_FOR);
    leases.after = async () => undefined;
    await pass(HEARTBEAT);
    expect(held.goodUntil(clock.now())).toBeGreaterThan(issued + SURE_FOR);
  });

  it('whoever asks while a sign of life is under way waits for that one', async () => {
    const { clock, leases, held, signs } = await scene();
    leases.after = () => clock.sleep(clock.now() + 1_000);
    const before = signs();
    await clock.run(Promise.all([held.confirm(), held.confirm(), held.confirm()]));
    expect(signs() - before).toBe(1);
  });
});

describe('a lease that another has had', () => {
  it('is lost for good: never sure, never taken again, and not given back in the name of the other', async () => {
    const { clock, leases, held, isSure, pass, take } = await scene();
    let takes = 0;
    leases.before = async (operation) => {
      if (operation === 'take') takes += 1;
    };
    const others = await take('other', ['run']);
    expect(others).not.toBeNull();
    await pass(HEARTBEAT);
    expect(held.lost.reason).toBeInstanceOf(LeaseLost);
    expect(isSure()).toBe(false);
    await expect(clock.run(held.confirm())).rejects.toBeInstanceOf(LeaseLost);
    // Not even when it is free again.
    await others?.release();
    await pass(LEASE_LIFE);
    expect(isSure()).toBe(false);
    await expect(clock.run(held.confirm())).rejects.toBeInstanceOf(LeaseLost);
    expect(takes).toBe(1);
    const third = await take('third');
    expect(await clock.run(held.release())).toBe(true);
    await expect(third?.prolong()).resolves.toEqual([]);
  });

  it('is lost though the other has one of its names alone', async () => {
    const { leases, held, pass } = await scene();
    await leases.take([NAMES[1] as string], owner('other'), ['run']);
    await pass(HEARTBEAT);
    expect(held.lost.reason).toMatchObject({ exitCode: 7 });
  });

  it('is lost with a database that was restored to before it', async () => {
    const { leases, held, pass } = await scene();
    leases.restore(new Map());
    await pass(HEARTBEAT);
    expect(held.lost.reason).toMatchObject({ exitCode: 7, message: expect.stringContaining('forgotten') });
  });

  it('is not lost to a database that does not answer, and gives no more signs of life once it is', async () => {
    const { clock, held, away, pass, take, signs } = await scene();
    Object.assign(away, { from: clock.now(), until: clock.now() + 40_000 });
    await pass(LEASE_LIFE + 1_000);
    expect(held.lost.aborted).toBe(false);
    expect(await take('other')).not.toBeNull();
    await pass(30_000);
    expect(held.lost.aborted).toBe(true);
    const before = signs();
    await pass(60_000);
    expect(signs()).toBe(before);
  });
});

describe('a machine whose clock is set, or that sleeps', () => {
  it.each([20_000, HOUR, -20_000, -HOUR])('set by %i ms: it stays ours, and is sure again with the next sign of life', async (by) => {
    const { clock, held, isSure, pass, setClock } = await scene();
    await pass(5_000);
    setClock(by);
    // Nobody can tell how old the last sign of life is.
    expect(isSure()).toBe(false);
    await clock.run(held.confirm());
    expect([isSure(), held.lost.aborted]).toEqual([true, false]);
    await pass(10 * HEARTBEAT);
    expect([isSure(), held.lost.aborted]).toEqual([true, false]);
  });

  it('suspended for an hour in which nobody has taken it: it is not sure at first, and stays ours', async () => {
    const { clock, held, isSure, pass } = await scene();
    await pass(5_000);
    clock.set(clock.now() + HOUR);
    expect(isSure()).toBe(false);
    await clock.run(held.confirm());
    expect([isSure(), held.lost.aborted]).toEqual([true, false]);
  });

  it('suspended until another has taken it and given it back: it is lost', async () => {
    const { clock, held, isSure, pass, take } = await scene();
    await pass(5_000);
    clock.set(clock.now() + HOUR);
    await (await take('other'))?.release();
    expect(isSure()).toBe(false);
    await expect(clock.run(held.confirm())).rejects.toBeInstanceOf(LeaseLost);
    expect(held.lost.aborted).toBe(true);
  });

  it('suspended between the sending of a sign of life and its answer: an answer from before does not make it sure', async () => {
    const { clock, leases, held, isSure, pass, take } = await scene();
    await pass(5_000);
    leases.after = async (operation) => {
      if (operation !== 'prolong') return;
      leases.after = async () => undefined;
      clock.set(clock.now() + HOUR);
      expect(await take('other')).not.toBeNull();
    };
    await clock.run(held.confirm());
    expect(isSure()).toBe(false);
    await expect(clock.run(held.confirm())).rejects.toBeInstanceOf(LeaseLost);
  });
});

describe('what others ask', () => {
  it('is heard with the next sign of life, once', async () => {
    const { leases, held, pass } = await scene();
    const heard = wishesOf(held);
    expect(await leases.ask(NAMES[0] as string, 'pause')).toBe(true);
    await pass(HEARTBEAT);
    expect(heard).toEqual([[NAMES[0], 'pause']]);
    await pass(10 * HEARTBEAT);
    expect(heard).toHaveLength(1);
    expect(await leases.ask(NAMES[1] as string, 'message_2')).toBe(true);
    await pass(HEARTBEAT);
    expect(heard.slice(1)).toEqual([[NAMES[1], 'message_2']]);
  });

  it('is heard although the answer of the sign of life that tells it is lost', async () => {
    const { leases, held, pass } = await scene();
    const heard = wishesOf(held);
    await leases.ask(NAMES[0] as string, 'pause');
    leases.after = async (operation) => {
      if (operation !== 'prolong') return;
      leases.after = async () => undefined;
      throw new DatabaseUnreachable('the answer is lost');
    };
    await pass(3 * HEARTBEAT);
    expect(heard).toEqual([[NAMES[0], 'pause']]);
  });

  it('before anybody listens is kept for who does', async () => {
    const { leases, held, pass } = await scene();
    await leases.ask(NAMES[0] as string, 'pause');
    await leases.ask(NAMES[1] as string, 'message_2');
    await pass(5 * HEARTBEAT);
    const heard = wishesOf(held);
    expect(heard).toEqual([
      [NAMES[0], 'pause'],
      [NAMES[1], 'message_2'],
    ]);
    await pass(5 * HEARTBEAT);
    expect(heard).toHaveLength(2);
  });
});

describe('a lease that is given back', () => {
  it('is free at once, gives no sign of life any more, and the next knows that it was given back', async () => {
    const { clock, held, isSure, pass, take, taken, signs } = await scene();
    expect(await clock.run(held.release())).toBe(true);
    expect(isSure()).toBe(false);
    const before = signs();
    await pass(5 * HEARTBEAT);
    expect(signs()).toBe(before);
    const next = await take('other');
    expect(next?.before.get(NAMES[0] as string)).toEqual({ epoch: taken.epoch, givenBack: true, silentMs: 5 * HEARTBEAT });
    expect(next?.epoch).toBeGreaterThan(held.epoch);
  });

  it('waits for the sign of life that is under way, which would otherwise arrive after it', async () => {
    const { clock, leases, held, pass } = await scene();
    const order: string[] = [];
    leases.before = async (operation) => {
      if (operation === 'prolong') await clock.sleep(clock.now() + 3_000);
      order.push(operation);
    };
    await pass(HEARTBEAT);
    await clock.run(held.release());
    expect(order).toEqual(['prolong', 'release']);
  });

  it('to a database that does not answer expires by itself', async () => {
    const { clock, leases, held, pass, take } = await scene();
    leases.before = async (operation) => {
      if (operation === 'release') throw new DatabaseUnreachable('no answer');
    };
    expect(await clock.run(held.release())).toBe(false);
    expect(await take('other')).toBeNull();
    await pass(LEASE_LIFE);
    const next = await take('other');
    expect(next?.before.get(NAMES[0] as string)?.givenBack).toBe(false);
  });
});
