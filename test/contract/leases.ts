import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Owner } from '../../src/core/checkpoint.ts';
import { LeaseLost } from '../../src/errors.ts';
import { type Before, LEASE_LIFE, type Lease, type Leases, type Wish } from '../../src/ports/leases.ts';
import { MemoryLeases } from '../support/memory-leases.ts';

/** How long a name was silent before it was taken. */
const silence = (lease: Lease, name: string) => lease.before.get(name)?.silentMs ?? Number.NaN;

/** Leases as several processes see them, and the table behind them. */
export interface LeasesUnderTest {
  clients: [Leases, Leases, ...Leases[]];
  /** Milliseconds of the server's clock. */
  now(): Promise<number>;
  /** When a name expires, by the same clock. */
  expiresAt(name: string): Promise<number>;
  /** Changes a row behind everybody's back; null takes it away. */
  change(name: string, to: { expiresAt?: number; epoch?: number } | null): Promise<void>;
  close(): Promise<void>;
}

/** What every store of leases promises. */
export function leasesContract(title: string, make: () => Promise<LeasesUnderTest>): void {
  let under: LeasesUnderTest;
  let first: Leases;
  let second: Leases;
  beforeAll(async () => {
    under = await make();
    [first, second] = under.clients;
  });
  afterAll(() => under?.close());

  let series = 0;
  /** Names that no other test uses: a campaign and a line, in the order in which they sort. */
  const fresh = (): [string, string] => {
    series += 1;
    return [`campaign:${series}:message_1`, `line:${series}`];
  };
  const owner = (pid: number, more: Partial<Owner> = {}): Owner => ({
    ...{ token: `${series}-${pid}`, host: `host-${pid}`, machine: 'm', boot: 'b', namespace: 'n', pid, startedAt: 1_700_000_000_000 },
    ...{ birth: '1', ...more },
  });
  /** As if the last sign of life had been so long ago. */
  const silentFor = async (name: string, ms: number) => under.change(name, { expiresAt: (await under.now()) + LEASE_LIFE - ms });
  const client = (i: number) => under.clients[i % under.clients.length] as Leases;
  const holder = async (name: string) => (await second.look([name])).get(name)?.owner?.pid ?? null;
  const refusal = (work: Promise<unknown>): Promise<Error> =>
    work.then(
      () => expect.unreachable('it was not refused'),
      (error) => error,
    );
  async function taken(leases: Leases, names: string[], by: Owner, dead: string[] = []): Promise<Lease> {
    const answer = await leases.take(names, by, dead);
    if (!('lease' in answer)) throw new Error(`held by ${answer.heldBy.pid}`);
    return answer.lease;
  }

  it(`${title}: a name is nobody's until it is taken, and then one owner's, as everybody sees`, async () => {
    const [campaign, line] = fresh();
    expect(await second.look([campaign, line])).toEqual(new Map());
    const me = owner(1, { purpose: 'campaign 1', birth: '' });
    const at = await under.now();
    const lease = await taken(first, [line, campaign], me);
    expect(lease.names).toEqual([line, campaign]);
    expect(lease.epoch).toBeGreaterThanOrEqual(at);
    expect(lease.epoch).toBeLessThan(at + 60_000);
    const nothing = { epoch: null, givenBack: false, silentMs: null };
    expect(lease.before).toEqual(new Map([line, campaign].map((name) => [name, nothing])));
    const standing = { epoch: lease.epoch, owner: me };
    expect(await second.look([campaign, 'line:unknown', line])).toEqual(new Map([campaign, line].map((name) => [name, standing])));
    expect(await second.take([line], owner(2), [])).toEqual({ heldBy: me, name: line });
    expect(await second.take([line.toUpperCase()], owner(2), [])).toHaveProperty('lease');
  });

  it(`${title}: all names are taken or none`, async () => {
    const [campaign, line] = fresh();
    const lease = await taken(first, [line], owner(1));
    expect(await second.take([campaign, line], owner(2), [])).toEqual({ heldBy: owner(1), name: line });
    expect((await second.look([campaign, line])).has(campaign)).toBe(false);
    await lease.release();
    const next = await taken(second, [campaign, line], owner(2));
    expect(next.before).toEqual(
      new Map([
        [campaign, { epoch: null, givenBack: false, silentMs: null }],
        [line, { epoch: lease.epoch, givenBack: true, silentMs: expect.any(Number) }],
      ]),
    );
    expect(silence(next, line)).toBeGreaterThanOrEqual(0);
    expect(silence(next, line)).toBeLessThan(LEASE_LIFE);
  });

  it(`${title}: of many at once, with names in whichever order, exactly one gets them`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const [campaign, line] = fresh();
      const others = [`line:b${series}`, `campaign:0${series}:message_1`] as const;
      const sets = [
        [campaign, line],
        [line, campaign],
        [line, campaign, others[0]],
        [others[1], line],
      ];
      // Names that nobody ever had, and then names whose owner fell silent.
      for (const begun of ['never', 'before']) {
        if (begun === 'before') for (const name of [campaign, line, ...others]) await silentFor(name, LEASE_LIFE);
        const answers = await Promise.all(
          Array.from({ length: 16 }, (_, i) => client(i).take(sets[i % sets.length] as string[], owner(i, { token: begun + i }), [])),
        );
        const winners = answers.flatMap((answer) => ('lease' in answer ? [answer.lease] : []));
        expect(winners).toHaveLength(1);
        await winners[0]?.prolong();
      }
    }
  });

  it(`${title}: of a late sign of life and somebody who takes it at the same instant one succeeds`, async () => {
    for (let round = 0; round < 20; round += 1) {
      const [campaign, line] = fresh();
      const lease = await taken(first, [campaign, line], owner(1));
      for (const name of [campaign, line]) await silentFor(name, LEASE_LIFE);
      const prolonged = lease.prolong().then(
        () => 1,
        (error) => (error instanceof LeaseLost ? 0 : Promise.reject(error)),
      );
      const answer = await client(1 + (round % 3)).take([line, campaign], owner(2), []);
      expect((await prolonged) + Number('lease' in answer)).toBe(1);
    }
  });

  it(`${title}: it lasts 15 s from the last sign of life and not a moment less`, async () => {
    const [campaign, line] = fresh();
    const lease = await taken(first, [campaign, line], owner(1));
    await silentFor(line, LEASE_LIFE - 5_000);
    expect(await second.take([campaign, line], owner(2), [])).toEqual({ heldBy: owner(1), name: campaign });
    expect(await second.take([line], owner(2), [])).toEqual({ heldBy: owner(1), name: line });
    await lease.prolong();
    const left = (await under.expiresAt(line)) - (await under.now());
    expect(left).toBeGreaterThan(LEASE_LIFE - 5_000);
    expect(left).toBeLessThanOrEqual(LEASE_LIFE);
    await silentFor(line, LEASE_LIFE + 1);
    expect([await holder(campaign), await holder(line)]).toEqual([1, null]);
    const next = await taken(second, [line], owner(2));
    expect(next.epoch).toBeGreaterThan(lease.epoch);
    expect(next.before.get(line)).toMatchObject({ epoch: lease.epoch, givenBack: false });
    expect(silence(next, line)).toBeGreaterThan(LEASE_LIFE);
    expect(silence(next, line)).toBeLessThan(2 * LEASE_LIFE);
  });

  it(`${title}: a sign of life that comes late is as good as any while nobody has taken it`, async () => {
    const [campaign] = fresh();
    const lease = await taken(first, [campaign], owner(1));
    await silentFor(campaign, 60 * 60_000);
    expect(await holder(campaign)).toBeNull();
    await lease.prolong();
    expect(await second.take([campaign], owner(2), [])).toEqual({ heldBy: owner(1), name: campaign });
  });

  it(`${title}: once another has had it, it is lost for ever, also after the other gave it back`, async () => {
    const [campaign, line] = fresh();
    const lease = await taken(first, [campaign, line], owner(1));
    for (const name of [campaign, line]) await silentFor(name, LEASE_LIFE + 1);
    const other = await taken(second, [line], owner(2, { purpose: 'campaign 7' }));
    const lost = await refusal(lease.prolong());
    expect(lost).toBeInstanceOf(LeaseLost);
    expect(lost.message).toBe(`line ${series} was taken over by process 2 on host-2 (campaign 7); nothing more is sent`);
    expect(await holder(line)).toBe(2);
    await other.release();
    expect((await refusal(lease.prolong())).message).toBe(`line ${series} was taken over by another run; nothing more is sent`);
    expect(await second.take([line], owner(3), [])).toHaveProperty('lease');
    expect((await refusal(lease.prolong())).message).toMatch(/taken over by process 3/);
    await lease.release();
    expect(await holder(line)).toBe(3);
    expect((await second.look([campaign])).get(campaign)).toEqual({ epoch: lease.epoch, owner: null });
  });

  it(`${title}: whoever takes it again with the same token has not the old one back`, async () => {
    const [campaign] = fresh();
    const old = await taken(first, [campaign], owner(1));
    await old.release();
    await taken(second, [campaign], owner(2));
    await silentFor(campaign, LEASE_LIFE);
    await taken(first, [campaign], owner(1));
    expect(await refusal(old.prolong())).toBeInstanceOf(LeaseLost);
    await old.release();
    expect(await holder(campaign)).toBe(1);
  });

  it(`${title}: a dead owner's is taken at once, one of whom nothing is proved is not`, async () => {
    const [campaign, line] = fresh();
    const lease = await taken(first, [campaign], owner(1));
    const living = await taken(first, [line], owner(2));
    expect(await second.take([campaign, line], owner(3), [owner(1).token])).toEqual({ heldBy: owner(2), name: line });
    expect(await holder(campaign)).toBe(1);
    const next = await taken(second, [campaign, line], owner(3), ['another', owner(1).token, owner(2).token]);
    expect(next.epoch).toBeGreaterThan(Math.max(lease.epoch, living.epoch));
    expect(next.before.get(campaign)).toMatchObject({ epoch: lease.epoch, givenBack: false });
  });

  it(`${title}: a call that is repeated because its answer was lost is answered alike`, async () => {
    const [campaign, line] = fresh();
    const before = await taken(first, [line], owner(1));
    await before.release();
    const [one, two] = [await taken(first, [campaign, line], owner(2)), await taken(second, [line, campaign], owner(2))];
    // But for how long it was silent: that is known at the moment of the taking only.
    const again = [...one.before].map(([name, was]): [string, Before] => [name, { ...was, silentMs: null }]);
    expect([two.epoch, two.before]).toEqual([one.epoch, new Map(again.reverse())]);
    expect(two.before.get(line)).toEqual({ epoch: before.epoch, givenBack: true, silentMs: null });
    await silentFor(line, LEASE_LIFE + 1);
    const three = await taken(first, [campaign, line], owner(2));
    expect(three.epoch).toBe(one.epoch);
    expect(await holder(line)).toBe(2);
    await three.prolong();

    // What it holds by another call is not free to itself.
    const [, other] = fresh();
    expect(await first.take([line, other], owner(2, { token: `${series - 1}-2` }), [])).toMatchObject({ name: line });
    for (let time = 0; time < 2; time += 1) await three.release();
    expect(await second.look([campaign, line])).toEqual(new Map([campaign, line].map((name) => [name, { epoch: one.epoch, owner: null }])));
    expect((await refusal(three.prolong())).message).toMatch(/^campaign \d+ was given back; nothing more is sent$/);
  });

  it(`${title}: the epoch rises with every lease, and is never given twice, not even in a database that went back in time`, async () => {
    const [campaign] = fresh();
    const seen: number[] = [];
    for (const restored of [undefined, undefined, null, { epoch: 5 }, { epoch: 1_000 }, null, undefined] as const) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (restored !== undefined) await under.change(campaign, restored);
      const lease = await taken(first, [campaign], owner(1));
      await lease.release();
      seen.push(lease.epoch);
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    // A clock that was set back does not make it fall either.
    const ahead = (await under.now()) + 3_600_000;
    await under.change(campaign, { epoch: ahead });
    expect((await taken(first, [campaign], owner(1))).epoch).toBe(ahead + 1);
  });

  it(`${title}: in a database that went back in time a run finds its lease gone`, async () => {
    const [campaign, line] = fresh();
    const lease = await taken(first, [campaign, line], owner(1));
    await under.change(campaign, { epoch: lease.epoch - 1 });
    const forgotten = (what: string) =>
      `the database has forgotten that this run holds ${what} (it was restored, or emptied); nothing more is sent`;
    expect((await refusal(lease.prolong())).message).toBe(forgotten(`campaign ${series}`));
    await under.change(campaign, { epoch: lease.epoch });
    await lease.prolong();
    await under.change(line, null);
    const lost = await refusal(lease.prolong());
    expect(lost).toBeInstanceOf(LeaseLost);
    expect(lost.message).toBe(forgotten(`line ${series}`));
    expect((await second.look([line])).has(line)).toBe(false);
  });

  it(`${title}: what is asked of whoever holds a name is heard once, by that one`, async () => {
    const [campaign, line] = fresh();
    expect(await second.ask(line, 'message_2')).toBe(false);
    const lease = await taken(first, [campaign, line], owner(1));
    expect(await lease.prolong()).toEqual([]);
    expect([await second.ask(campaign, 'pause'), await second.ask(line, 'message_2')]).toEqual([true, true]);
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect((await lease.prolong()).sort(byName)).toEqual([
      { name: campaign, wish: 'pause' },
      { name: line, wish: 'message_2' },
    ]);
    expect(await lease.prolong()).toEqual([]);
    await second.ask(line, 'message_2');
    expect(await lease.prolong()).toEqual([{ name: line, wish: 'message_2' }]);
    // Asked again before the next sign of life is asked again.
    await second.ask(line, 'message_2');
    expect(await lease.prolong()).toEqual([{ name: line, wish: 'message_2' }]);
    expect([await lease.prolong(), await lease.prolong()]).toEqual([[], []]);

    await second.ask(campaign, 'pause');
    await lease.release();
    expect(await second.ask(campaign, 'pause')).toBe(false);
    const next = await taken(second, [campaign, line], owner(2));
    expect(await next.prolong()).toEqual([]);
    await second.ask(campaign, 'pause');
    await silentFor(campaign, LEASE_LIFE + 1);
    expect(await second.ask(campaign, 'pause')).toBe(false);
    expect(await (await taken(first, [campaign], owner(3))).prolong()).toEqual([]);
  });

  it(`${title}: what was asked is not lost with the answer to a sign of life`, async () => {
    const [campaign] = fresh();
    const lease = await taken(first, [campaign], owner(1));
    await second.ask(campaign, 'pause');
    // A sign of life of the same lease whose answer never came.
    await (await taken(first, [campaign], owner(1))).prolong();
    expect(await lease.prolong()).toEqual([{ name: campaign, wish: 'pause' }]);
    expect(await lease.prolong()).toEqual([]);
  });

  it(`${title}: the clock of a client changes nothing`, async () => {
    const [campaign] = fresh();
    let lease = await taken(first, [campaign], owner(1));
    const real = Date.now;
    try {
      for (const wrong of [3_600_000, -3_600_000]) {
        Date.now = () => real() + wrong;
        expect(await second.take([campaign], owner(2), [])).toEqual({ heldBy: owner(1), name: campaign });
        await lease.prolong();
        expect(await second.ask(campaign, 'pause')).toBe(true);
        await lease.release();
        lease = await taken(first, [campaign], owner(1));
        expect(Math.abs(lease.epoch - real())).toBeLessThan(60_000);
        Date.now = real;
        expect(await holder(campaign)).toBe(1);
      }
    } finally {
      Date.now = real;
    }
  });

  it(`${title}: an expiry that only a clock can have written that was wrong holds nobody up`, async () => {
    const [campaign] = fresh();
    const lease = await taken(first, [campaign], owner(1));
    await under.change(campaign, { expiresAt: (await under.now()) + LEASE_LIFE + 60_000 });
    expect([await holder(campaign), await second.ask(campaign, 'pause')]).toEqual([null, false]);
    expect((await taken(second, [campaign], owner(2))).before.get(campaign)).toMatchObject({ epoch: lease.epoch, givenBack: false });
  });

  it(`${title}: any history ends as it does in a model`, async () => {
    const names = ['a', 'b', 'c'];
    const someNames = fc.subarray(names, { minLength: 1 }).chain((some) => fc.shuffledSubarray(some, { minLength: some.length }));
    const who = fc.nat(2);
    const step = fc.oneof(
      fc.record({ do: fc.constant('take' as const), names: someNames, who, dead: fc.subarray([0, 1, 2], { maxLength: 1 }) }),
      fc.record({ do: fc.constantFrom('prolong' as const, 'release' as const), lease: fc.nat(3) }),
      fc.record({
        do: fc.constantFrom('ask' as const, 'look' as const, 'silence' as const, 'lose' as const),
        name: fc.constantFrom(...names),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), async (steps) => {
        series += 1;
        let clock = 0;
        const model = new MemoryLeases(() => clock);
        const real = (name: string) => `line:h${series}${name}`;
        const pairs: [Lease, Lease][] = [];
        /** Epochs are told apart by the step of the history that gave a name its own. */
        const given = new Map<string, number>();
        const known = (name: string, epoch: number | null | undefined) =>
          epoch === null || epoch === undefined ? null : (given.get(`${name} ${epoch}`) ?? 'unknown');
        for (const [at, todo] of steps.entries()) {
          clock += 1;
          if (todo.do === 'take') {
            // The next millisecond of the server's clock, so that its epochs are apart as those of the model are.
            await new Promise((resolve) => setTimeout(resolve, 2));
            const dead = todo.dead.map((pid) => owner(pid).token);
            const [want, got] = [
              await model.take(todo.names, owner(todo.who), dead),
              await first.take(todo.names.map(real), owner(todo.who), dead),
            ];
            expect('lease' in got).toBe('lease' in want);
            if ('lease' in want && 'lease' in got) {
              for (const name of todo.names) {
                const [was, is] = [want.lease.before.get(name), got.lease.before.get(real(name))];
                expect([known(real(name), is?.epoch), is?.givenBack]).toEqual([known(name, was?.epoch), was?.givenBack]);
                expect(known(real(name), got.lease.epoch)).toBe(known(name, want.lease.epoch));
                if (!given.has(`${name} ${want.lease.epoch}`))
                  given.set(`${name} ${want.lease.epoch}`, at).set(`${real(name)} ${got.lease.epoch}`, at);
              }
              pairs.push([want.lease, got.lease]);
            } else if ('heldBy' in want) expect(got).toEqual({ heldBy: want.heldBy, name: real(want.name) });
          } else if ('lease' in todo) {
            const [want, got] = pairs[todo.lease % (pairs.length || 1)] ?? [];
            const answer = async (lease: Lease | undefined) => {
              try {
                return (await lease?.[todo.do]())?.map(({ name, wish }) => `${name.at(-1)} ${wish}`).sort() ?? null;
              } catch (error) {
                return (error as Error).message.replace(/line h\d+/, '');
              }
            };
            expect(await answer(got)).toEqual(await answer(want));
          } else if (todo.do === 'ask')
            expect(await second.ask(real(todo.name), 'pause')).toBe(await model.ask(todo.name, 'pause' satisfies Wish));
          else if (todo.do === 'silence') {
            const row = model.rows.get(todo.name);
            if (row !== undefined) row.expiresAt = clock;
            await silentFor(real(todo.name), LEASE_LIFE);
          } else if (todo.do === 'lose') {
            model.rows.delete(todo.name);
            await under.change(real(todo.name), null);
          }
          const [want, got] = [await model.look(names), await second.look(names.map(real))];
          for (const name of names) {
            const [was, is] = [want.get(name), got.get(real(name))];
            expect([known(real(name), is?.epoch), is?.owner]).toEqual([known(name, was?.epoch), was?.owner]);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
}
