import { describe, expect, it } from 'vitest';
import { campaignName, lineName, type Owner } from '../../src/core/checkpoint.ts';
import { adjust } from '../../src/runs/under-lease.ts';
import { processWorld } from '../simulation/process-world.ts';
import { FAIR, scenarioOf } from '../simulation/scenario.ts';
import { keptBy, type Shared, sharedOf } from '../simulation/shared.ts';
import { SimProcess } from '../simulation/sim-process.ts';
import { startProcess, type Verb } from '../simulation/start-process.ts';
import { withHistory } from '../support/memory-provider.ts';

const NAMES = [campaignName(42, 'message_1'), lineName('line-1')];

const stranger: Owner = {
  ...{
    token: 'stranger',
    host: 'elsewhere',
    machine: 'm2',
    boot: 'b2',
    namespace: 'n2',
    pid: 99,
    startedAt: 0,
    birth: '',
    purpose: 'campaign 7',
  },
};

/** A world of one campaign in which nothing goes wrong by itself, and how the commands in it ended. */
function scene({ people = 4, refused = 0 } = {}) {
  const scenario = {
    ...scenarioOf(1),
    delaySeconds: 2,
    trouble: 0,
    unexpected: 0,
    listLoses: 0,
    listedAfterMs: 0,
    optedOut: 0,
    faults: FAIR,
    fateOfOthers: 'running',
    twoStores: false,
  } as const;
  const trace: string[] = [];
  const shared = sharedOf({ ...scenario, campaigns: [people], refused }, (line) => void trace.push(line.trim()));
  const { clock } = shared;
  withHistory(shared.provider, shared.stores.values(), clock.now);
  const start = (verb: Verb = 'resume') => startProcess(shared, 42, verb);
  const pass = (ms: number) => clock.run(clock.sleep(clock.now() + ms));
  /** What the n-th process ended with. */
  const endOf = (n: number) => trace.flatMap((line) => new RegExp(`run-${n} ends: (.*)`).exec(line)?.[1] ?? [])[0];
  const store = shared.stores.get(42) as NonNullable<ReturnType<Shared['stores']['get']>>;
  const statuses = () => store.rows.map(({ status }) => status);
  return { ...shared, shared, store, start, pass, endOf, statuses };
}

/** A process that does one thing, and is not a run. */
function bystander(shared: Shared): SimProcess {
  const { clock, random, trace } = shared;
  return new SimProcess({ ...stranger, token: 'bystander' }, 0, { clock, random, trace, weather: () => null });
}

describe('a run that is suspended while it gets ready', () => {
  it.each(['before', 'after'])('%s it opens the checkpoint sends nothing once another has had its lease, and ends with 7', async (when) => {
    const { entries, provider, clock, witness, shared, start, pass, endOf } = scene();
    let opened = 0;
    entries[0][when as 'before' | 'after'] = async (operation) => {
      opened += operation === 'open' ? 1 : 0;
      if (operation !== 'open' || opened > 1) return;
      first.suspend(60_000);
      if (when === 'before') await clock.sleep(clock.now() + 60_000);
    };
    const first = start();
    provider.before = async (operation) => {
      if (operation === 'answer' && provider.accepted.length === 2) second.kill();
    };
    await pass(16_000);
    const second = start();
    await clock.run(second.over);
    expect([provider.accepted.length, keptBy(shared, 42).claims.length]).toEqual([2, 1]);
    await clock.run(first.over);
    expect(endOf(1)).toMatch(/LeaseLost.*taken over/);
    expect(provider.accepted).toHaveLength(2);
    await pass(16_000);
    await clock.run(start().over);
    expect(endOf(3)).toBe('exit 0');
    witness.finished();
    expect(witness.violations).toEqual([]);
  });

  it('for an hour in which nobody has had its lease goes on', async () => {
    const { entries, clock, witness, start, endOf } = scene();
    let opened = 0;
    entries[0].after = async (operation) => {
      opened += operation === 'open' ? 1 : 0;
      if (operation === 'open' && opened === 1) first.suspend(3_600_000);
    };
    const first = start();
    await clock.run(first.over);
    expect(endOf(1)).toBe('exit 0');
    witness.finished();
    expect(witness.violations).toEqual([]);
  });
});

describe('a name that another holds', () => {
  it('is waited for when it is held for moments, and what that one has left is what the run finds', async () => {
    const { leases, provider, clock, store, start, pass, endOf } = scene();
    const answer = await leases.take([NAMES[1] as string], { ...stranger, brief: true }, []);
    const run = start();
    await pass(5_000);
    expect(provider.starts).toEqual([]);
    Object.assign(store.rows[0] as object, { status: 'sent', providerId: 'p' });
    if ('lease' in answer) await answer.lease.release();
    await clock.run(run.over);
    expect([endOf(1), provider.accepted.length]).toEqual(['exit 0', 3]);
  });

  it('is given up after a minute of such moments', async () => {
    const { leases, provider, clock, start, endOf } = scene();
    const answer = await leases.take([NAMES[1] as string], { ...stranger, brief: true }, []);
    const prolong = async () => {
      for (;;) {
        await clock.sleep(clock.now() + 2_000);
        if ('lease' in answer) await answer.lease.prolong();
      }
    };
    void prolong();
    const begin = clock.now();
    await clock.run(start().over);
    expect(clock.now() - begin).toBeGreaterThanOrEqual(60_000);
    expect(clock.now() - begin).toBeLessThan(62_000);
    expect(endOf(1)).toContain('HeldElsewhere: the line is held by the run of campaign 7 (process 99 on elsewhere');
    expect(provider.starts).toEqual([]);
  });

  it('otherwise ends it at once, and nothing is touched', async () => {
    const { leases, entries, clock, start, endOf, statuses } = scene();
    await leases.take([NAMES[0] as string], stranger, []);
    const begin = clock.now();
    await clock.run(start().over);
    expect(clock.now() - begin).toBeLessThan(1_000);
    expect(endOf(1)).toContain('HeldElsewhere: campaign 42 is held by another run (process 99 on elsewhere');
    expect([leases.rows.has(NAMES[1] as string), entries[0].kept.size]).toEqual([false, 0]);
    expect(statuses()).toEqual(Array(4).fill('pending'));
  });

  it('is taken over at once from a process that is surely over, and after a while from one that fell silent', async () => {
    const { clock, provider, start, pass, endOf, shared, witness } = scene();
    provider.before = async (operation) => {
      if (operation === 'answer' && provider.accepted.length === 1) first.kill();
    };
    const first = start();
    await clock.run(first.over);
    provider.before = async () => undefined;
    shared.fateOf = () => 'unknowable';
    await clock.run(start().over);
    expect(endOf(2)).toContain('HeldElsewhere');
    await pass(16_000);
    shared.fateOf = ({ token }) => (shared.over.has(token) ? 'over' : 'running');
    await clock.run(start().over);
    expect(endOf(3)).toBe('exit 0');
    witness.finished();
    expect(witness.violations).toEqual([]);
  });

  it('is free at once for a signal that came while the run got ready', async () => {
    const { clock, entries, leases, start, pass } = scene();
    entries[0].before = async (operation) => {
      if (operation === 'open') await clock.sleep(clock.now() + 5_000);
    };
    const run = start();
    await pass(1_000);
    run.onSignal?.('SIGINT');
    await clock.run(run.over);
    for (const name of NAMES) expect(leases.rows.get(name)?.owner).toBeNull();
  });
});

describe('a checkpoint that is changed where no run is', () => {
  it('keeps what it knows: the next run trusts it, and the lease is given back', async () => {
    const { shared, clock, provider, start, leases, endOf } = scene();
    provider.before = async (operation) => {
      if (operation === 'answer' && provider.accepted.length === 2) first.onSignal?.('SIGINT');
    };
    const first = start();
    await clock.run(first.over);
    provider.before = async () => undefined;
    const before = keptBy(shared, 42);
    const paused = { reason: 'pause', detail: 'x', at: clock.now() };
    const process = bystander(shared);
    const changed = adjust(processWorld(process, 42, shared), { campaign: 42 }, ({ header }) => [
      { type: 'header', header: { ...header, paused } },
      { type: 'move', sent: -1, failed: 1 },
    ]);
    expect(await clock.run(changed)).toBe(true);
    const { header, counted, known, recipients } = keptBy(shared, 42);
    expect([header?.paused, counted, recipients]).toEqual([
      paused,
      { sent: (before.counted?.sent ?? 0) - 1, failed: 1 },
      before.recipients,
    ]);
    expect(known).toBe(leases.rows.get(NAMES[0] as string)?.epoch);
    expect(leases.rows.get(NAMES[0] as string)?.owner).toBeNull();
    const lookUps = provider.lookUps;
    await clock.run(start().over);
    expect([endOf(2), provider.lookUps - lookUps]).toEqual(['exit 0', 0]);
  });

  it('is left alone while a run holds it, and where it is not the one of the last run', async () => {
    const { shared, clock, start, pass } = scene();
    const [name] = NAMES as [string];
    const world = processWorld(bystander(shared), 42, shared);
    const change = () => adjust(world, { campaign: 42 }, () => [{ type: 'move', sent: -1, failed: 1 }]);
    const kept = () => {
      const { fields, keptUntil } = shared.entries[0].kept.get(name) ?? {};
      return structuredClone({ fields, keptUntil });
    };
    const run = start();
    await pass(3_000);
    expect(await clock.run(change())).toBe(false);
    await clock.run(run.over);
    const before = kept();
    expect(before.keptUntil).toEqual(expect.any(Number));
    // Another store has the last run.
    await shared.leases.take([name], stranger, []);
    await pass(16_000);
    expect(await clock.run(change())).toBe(false);
    expect(kept()).toEqual(before);
  });

  it('is left alone when a run in another store has had the campaign between the look and the lease', async () => {
    const { shared, clock, start } = scene();
    const [name] = NAMES as [string];
    const world = processWorld(bystander(shared), 42, shared);
    await clock.run(start().over);
    const before = new Map(shared.entries[0].fields(name));
    let others = true;
    shared.leases.before = async (operation) => {
      if (operation !== 'take' || !others) return;
      others = false;
      const answer = await shared.leases.take([name], stranger, []);
      if ('lease' in answer) await answer.lease.release();
    };
    expect(await clock.run(adjust(world, { campaign: 42 }, () => [{ type: 'move', sent: -1, failed: 1 }]))).toBe(false);
    expect(others).toBe(false);
    expect(shared.entries[0].fields(name)).toEqual(before);
  });
});

it('a retry that is killed once the failed are pending leaves no finished checkpoint, which would expire', async () => {
  const { shared, clock, store, start, statuses } = scene({ refused: 1 });
  await clock.run(start().over);
  expect(keptBy(shared, 42).header?.finished).toBe(true);
  const retryFailed = store.retryFailed.bind(store);
  const retry = start('retry');
  store.retryFailed = async () => {
    const rows = await retryFailed();
    retry.kill();
    return rows;
  };
  await clock.run(retry.over);
  expect(statuses()).toEqual(Array(4).fill('pending'));
  expect(keptBy(shared, 42).header?.finished).toBe(false);
  expect(shared.entries[0].kept.get(NAMES[0] as string)?.keptUntil).toBeNull();
});
