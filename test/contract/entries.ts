import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, MINUTE } from '../../src/core/units.ts';
import { LeaseLost } from '../../src/errors.ts';
import type { Entries, Write } from '../../src/ports/entries.ts';

/** One place where entries are kept, as the contract uses it. */
export interface EntriesPlace {
  /** Entries of their own on that place, as another process would have them where the place allows. */
  entries(): Entries;
  /** Lets time pass there: everything that runs out does so `ms` earlier. */
  pass(ms: number): Promise<void>;
  /** Empties it. */
  wipe(): Promise<void>;
  /** What is kept there now; calling the answer brings it back, as a restored database or a fail-over does. */
  copy(): Promise<() => Promise<void>>;
  /** How much is kept there, in rows or keys. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** What every store of entries must do, tried on a real one. */
export function entriesContract(title: string, start: () => Promise<EntriesPlace>): void {
  describe(title, () => {
    let place: EntriesPlace;
    let entries: Entries;
    let name = '';
    let line = '';
    beforeAll(async () => {
      place = await start();
      entries = place.entries();
    });
    afterAll(async () => {
      await entries?.close();
      await place?.close();
    });
    beforeEach(() => {
      [name, line] = newNames();
    });

    /** A run that opened both names with this epoch. */
    async function opened(epoch: number, from = entries) {
      for (const each of [name, line]) await from.open(each, epoch);
      return runOf(from, [name, line], epoch);
    }
    const keptOf = async (of = name) => Object.fromEntries((await entries.view(of))?.fields ?? []);

    describe('opening', () => {
      test('finds nothing under a name that is new, and what was written under one that is not', async () => {
        expect((await entries.open(name, 5)).fields).toEqual(new Map());
        await entries.write(1, [{ name, epoch: 5, fields: { header: '{}', 17: 'claim' } }]);
        const found = await entries.open(name, 6);
        expect(found.fields).toEqual(new Map([...Object.entries({ header: '{}', 17: 'claim' })]));
        expect(found.server).not.toBe('');
        expect(await entries.view(name)).toEqual({ epoch: 6, fields: found.fields });
      });

      test('may be repeated, as after a lost answer, and finds the same', async () => {
        await (await opened(5)).write({ a: '1' });
        const first = await entries.open(name, 6);
        expect(await entries.open(name, 6)).toEqual(first);
        await entries.write(1, [{ name, epoch: 6, fields: { b: '2' } }]);
        expect(await keptOf()).toEqual({ a: '1', b: '2' });
      });

      test('with an earlier epoch than the last is refused, and changes nothing', async () => {
        const run = await opened(Date.now());
        await run.write({ a: '1' });
        await expect(entries.open(name, run.epoch - 1)).rejects.toThrow(LeaseLost);
        await run.write({ b: '2' });
        expect(await entries.view(name)).toEqual({ epoch: run.epoch, fields: new Map(Object.entries({ a: '1', b: '2' })) });
      });

      test('of many runs at the same moment: the latest epoch is in, every other is shut out', async () => {
        const stores = Array.from({ length: 4 }, () => place.entries());
        for (let round = 1; round <= 12; round += 1) {
          const epochs = Array.from({ length: 8 }, (_, i) => 100 * round + ((i * 3 + round) % 8));
          await Promise.allSettled(epochs.map((epoch, i) => (stores[i % 4] as Entries).open(name, epoch)));
          const answers = await Promise.allSettled(
            epochs.map((epoch) => entries.write(1, [{ name, epoch, fields: { by: String(epoch) } }])),
          );
          expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
          expect(await entries.view(name)).toEqual({ epoch: 100 * round + 7, fields: new Map([['by', String(100 * round + 7)]]) });
        }
        for (const one of stores) await one.close();
      });

      test('one name leaves the others alone', async () => {
        const run = await opened(5);
        await run.write({ a: '1' });
        await entries.open(`${name}x`, 9);
        await entries.open(line.toUpperCase(), 9);
        await run.write({ b: '2' });
        expect(await keptOf()).toEqual({ a: '1', b: '2' });
      });
    });

    describe('a late writer', () => {
      test('of an earlier epoch is shut out, even when its step is exactly the next one', async () => {
        const late = await opened(1_000, place.entries());
        await late.write({ a: 'first' });
        const run = await opened(2_000);
        await run.write({ a: 'second' });
        const before = await entries.view(name);
        await expect(late.write({ a: 'late', b: 'late' })).rejects.toThrow(
          /^campaign \d+ was taken over by another run; nothing more is sent$/,
        );
        expect(await entries.view(name)).toEqual(before);
        await run.write({ b: 'third' });
        expect(await keptOf()).toEqual({ a: 'second', b: 'third' });
      });

      test('is shut out by the opening alone, before anything is written', async () => {
        const late = await opened(1_000, place.entries());
        await opened(2_000);
        await expect(late.write({ a: 'late' })).rejects.toThrow(LeaseLost);
        expect(await entries.view(name)).toEqual({ epoch: 2_000, fields: new Map() });
      });

      test('that is shut out of its second name changes neither', async () => {
        const late = await opened(1_000, place.entries());
        await late.write({ a: '1' }, { pacing: '1' });
        await entries.open(line, 1_500);
        await expect(late.write({ a: '2', b: '2' }, { pacing: '2' })).rejects.toThrow(/^line .* was taken over by another run/);
        await expect(late.write({ a: '3' }, {})).rejects.toThrow(LeaseLost);
        expect(await keptOf()).toEqual({ a: '1' });
        expect(await keptOf(line)).toEqual({ pacing: '1' });
      });

      test('races the one who opens: what that one found is what stays', async () => {
        for (let round = 0; round < 8; round += 1) {
          [name, line] = newNames();
          const late = await opened(1, place.entries());
          const next = place.entries();
          let written = 0;
          const writing = (async () => {
            for (;;) {
              await late.write({ n: String(written + 1), [`f${written + 1}`]: 'x' });
              written += 1;
              if (written % 5 === 0) await setImmediate();
            }
          })().catch((error: unknown) => error);
          while (written < round) await setImmediate();
          const { fields } = await next.open(name, 2);
          expect(await writing).toBeInstanceOf(LeaseLost);
          expect(await entries.view(name)).toEqual({ epoch: 2, fields });
          expect(Number(fields.get('n') ?? 0)).toBe(written);
          expect(fields.size).toBe(written === 0 ? 0 : written + 1);
          await next.close();
        }
      });
    });

    describe('a step', () => {
      test('that is repeated changes nothing, also with other content, and one that is long past neither', async () => {
        const run = await opened(5);
        await run.write({ a: '1' });
        await run.write({ a: '2', b: '2' }, { pacing: '2' });
        for (const step of [2, 1]) {
          await entries.write(step, [
            { name, epoch: 5, fields: { a: 'again', b: null, c: 'again' }, keptFor: 0 },
            { name: line, epoch: 5, fields: { pacing: 'again' } },
          ]);
        }
        expect(await keptOf()).toEqual({ a: '2', b: '2' });
        expect(await keptOf(line)).toEqual({ pacing: '2' });
        await run.write({ c: '3' });
        expect(await keptOf()).toEqual({ a: '2', b: '2', c: '3' });
      });

      test('after a gap is refused: the store has forgotten the one before', async () => {
        const run = await opened(5);
        await run.write({ a: '1' });
        await expect(entries.write(3, [{ name, epoch: 5, fields: { a: '3' } }])).rejects.toThrow(/went back to an earlier state/);
        expect(await keptOf()).toEqual({ a: '1' });
      });

      test('counts the first name alone', async () => {
        await opened(5);
        const other = runOf(entries, [line, name], 5);
        const run = runOf(entries, [name, line], 5);
        await run.write({ a: '1' }, { pacing: '1' });
        await run.write({ a: '2' }, { pacing: '2' });
        await other.write({ pacing: '3' }, { b: '3' });
        await run.write({ a: '4' });
        expect(await keptOf()).toEqual({ a: '4', b: '3' });
        expect(await keptOf(line)).toEqual({ pacing: '3' });
      });

      test('takes fields away, and those that are not there', async () => {
        const run = await opened(5);
        await run.write({ 1: 'a', 2: 'b', 3: 'c', header: '{}' });
        await run.write({ 1: null, 2: 'B', 3: null, 4: null, header: null });
        expect(await keptOf()).toEqual({ 2: 'B' });
        await run.write({ 2: null });
        expect(await entries.view(name)).toEqual({ epoch: 5, fields: new Map() });
      });

      test('may change nothing at all', async () => {
        const run = await opened(5);
        await run.write({}, {});
        await run.write({ a: '1' });
        expect(await keptOf()).toEqual({ a: '1' });
      });

      test('keeps texts as they are', async () => {
        const nasty = `número inválido: "😀" \\ ' { } \n \u0000 \ud800 ${'x'.repeat(300)}`;
        const fields = {
          json: JSON.stringify({ nasty }),
          empty: '',
          quotes: `'"\\'`,
          list: '{"a",NULL}',
          null: 'null',
          number: '00123456789012345678901234567890',
          sent: '7',
          failed: '0',
          last_message: '9007199254740991',
        };
        const run = await opened(5);
        await run.write(fields, fields);
        expect(await keptOf()).toEqual(fields);
        expect(await keptOf(line)).toEqual(fields);
        expect(Object.fromEntries((await entries.open(name, 6)).fields)).toEqual(fields);
      });

      test('may hold thousands of fields, and values of a megabyte', async () => {
        const run = await opened(5);
        const numbers = Array.from({ length: 12_000 }, (_, i) => String(2 ** 40 + i));
        const all = Object.fromEntries(numbers.map((number) => [number, JSON.stringify({ number, reference: 'wsend-1-2-abcdefgh' })]));
        await run.write(all);
        expect((await entries.view(name))?.fields).toEqual(new Map(Object.entries(all)));
        await run.write({ ...Object.fromEntries(numbers.slice(10).map((number) => [number, null])), big: 'é'.repeat(500_000) });
        const { fields } = await entries.open(name, 6);
        expect(fields.size).toBe(11);
        expect(fields.get('big')).toBe('é'.repeat(500_000));
      });

      test('of writers that name the same in other order never waits in a circle', async () => {
        const names = Array.from({ length: 30 }, (_, i) => `${line}-${i}`);
        for (const each of names) await entries.open(each, 5);
        const many = async (store: Entries, ordered: string[], field: string) => {
          for (let step = 1; step <= 30; step += 1) {
            const writes = ordered.map((each): Write => ({ name: each, epoch: 5, fields: { [field]: String(step) } }));
            await store.write(step, writes as [Write, ...Write[]]);
          }
        };
        const turned = (by: number) => [...names.slice(by), ...names.slice(0, by)];
        const orders = [turned(0), turned(10).toReversed(), turned(20), turned(25).toReversed()];
        await Promise.all(orders.map((order, i) => many(place.entries(), order, `writer ${i}`)));
        const all = Object.fromEntries(orders.map((_, i) => [`writer ${i}`, '30']));
        for (const each of names) expect(await keptOf(each)).toEqual(all);
      });
    });

    describe('a store that lost what it confirmed', () => {
      test('emptied under a run, it refuses', async () => {
        const run = await opened(5);
        await run.write({ a: '1' });
        await place.wipe();
        await expect(run.write({ a: '2' })).rejects.toThrow(
          /knows nothing of campaign \d+ any more: it was emptied; nothing more is sent$/,
        );
        expect(await entries.view(name)).toBeNull();
        expect((await entries.open(name, 6)).fields).toEqual(new Map());
      });

      test('gone back to before the last step, it refuses the next one', async () => {
        const run = await opened(5);
        await run.write({ a: '1' });
        const back = await place.copy();
        await run.write({ a: '2' });
        await back();
        await expect(run.write({ a: '3' })).rejects.toThrow(/went back to an earlier state .*; nothing more is sent$/);
        expect(await keptOf()).toEqual({ a: '1' });
      });

      test('gone back to an earlier epoch, it refuses whichever step', async () => {
        const before = await opened(5);
        await before.write({ a: '1' });
        const back = await place.copy();
        const run = await opened(6);
        await back();
        await expect(run.write({ a: '2' })).rejects.toThrow(/went back to an earlier state/);
        await expect(run.write({ a: '3' })).rejects.toThrow(/went back to an earlier state/);
        expect(await entries.view(name)).toEqual({ epoch: 5, fields: new Map([['a', '1']]) });
      });
    });

    describe('how long', () => {
      test('what is kept for a time is there until then, and is gone after it', async () => {
        const run = await opened(5);
        await run.write({ a: '1', sent: '1' }, { pacing: '1' });
        await run.write({ b: '2' }, {}, { keptFor: 7 * DAY });
        await place.pass(7 * DAY - MINUTE);
        expect(await keptOf()).toEqual({ a: '1', b: '2', sent: '1' });
        await place.pass(2 * MINUTE);
        expect(await entries.view(name)).toBeNull();
        expect(await keptOf(line)).toEqual({ pacing: '1' });
        await expect(run.write({ c: '3' })).rejects.toThrow(LeaseLost);
        expect((await entries.open(name, 1)).fields).toEqual(new Map());
        await entries.write(1, [{ name, epoch: 1, fields: { d: '4' } }]);
        expect(await keptOf()).toEqual({ d: '4' });
      });

      test('the second name may have a time of its own', async () => {
        const run = await opened(5);
        await run.write({ a: '1' }, { pacing: '1' });
        await entries.write(2, [
          { name, epoch: 5, fields: {} },
          { name: line, epoch: 5, fields: {}, keptFor: MINUTE },
        ]);
        await place.pass(2 * MINUTE);
        expect(await keptOf()).toEqual({ a: '1' });
        expect(await entries.view(line)).toBeNull();
        await expect(
          entries.write(3, [
            { name, epoch: 5, fields: {} },
            { name: line, epoch: 5, fields: {} },
          ]),
        ).rejects.toThrow(LeaseLost);
      });

      test('what is kept for good, or was never said to end, stays', async () => {
        const run = await opened(5);
        await run.write({ a: '1' }, {}, { keptFor: MINUTE });
        await run.write({ b: '2' });
        await run.write({ c: '3', sent: '1' }, {}, { keptFor: null });
        await place.pass(400 * DAY);
        expect(await keptOf()).toEqual({ a: '1', b: '2', c: '3', sent: '1' });
        expect(await keptOf(line)).toEqual({});
      });

      test('opened again in time it stays, until another time is said', async () => {
        await (await opened(5)).write({ a: '1', sent: '1' }, {}, { keptFor: 7 * DAY });
        await place.pass(6 * DAY);
        const run = await opened(6);
        await place.pass(30 * DAY);
        await run.write({ b: '2' });
        expect(await keptOf()).toEqual({ a: '1', b: '2', sent: '1' });
        await run.write({}, {}, { keptFor: DAY });
        await place.pass(DAY + MINUTE);
        expect(await entries.view(name)).toBeNull();
      });

      test('nothing is left of what is gone once another name is opened', async () => {
        await place.wipe();
        await (await opened(5)).write({ a: '1', sent: '1' }, {}, { keptFor: MINUTE });
        await entries.write(2, [
          { name, epoch: 5, fields: {} },
          { name: line, epoch: 5, fields: {}, keptFor: MINUTE },
        ]);
        await place.pass(2 * MINUTE);
        await entries.open('line:another', 5);
        await entries.open('line:another', 6);
        expect(await place.size()).toBe(1);
      });
    });

    test('to look at a name makes nothing', async () => {
      await place.wipe();
      expect(await entries.view(name)).toBeNull();
      expect(await place.size()).toBe(0);
    });

    test('doctor is told where it is, and leaves nothing behind', async () => {
      await place.wipe();
      const [one, other] = await Promise.all([entries.check(), place.entries().check()]);
      expect(one.detail).toMatch(/Redis|SQLite|PostgreSQL|MySQL|memory/);
      expect(other.warnings).toEqual(one.warnings);
      expect(await place.size()).toBe(0);
    });

    test('any history of two runs, with repetitions, lost answers and late copies, is what the rules make of it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(arbitraryCall, { maxLength: 25 }), async (calls) => {
          const names = newNames();
          const model = new Model();
          const made: { step: number; writes: [Write, ...Write[]] }[] = [];
          const steps = [0, 0];
          for (const call of calls) {
            const epoch = call.run + 1;
            if (call.type === 'open') {
              const each = names[call.name] as string;
              const answer = await entries.open(each, epoch).then(
                ({ fields }) => Object.fromEntries(fields),
                (error) => error instanceof LeaseLost || Promise.reject(error),
              );
              expect(answer).toEqual(model.open(each, epoch));
              if (call.name === 0) steps[call.run] = 0;
              continue;
            }
            if (call.type === 'write') {
              steps[call.run] = (steps[call.run] ?? 0) + 1;
              const writes: [Write, ...Write[]] = [{ name: names[0], epoch, fields: call.fields }];
              if (call.both) writes.push({ name: names[1], epoch, fields: call.pace });
              made.push({ step: steps[call.run] as number, writes });
            }
            const sent = call.type === 'write' ? made.at(-1) : made[call.which % Math.max(1, made.length)];
            for (let i = 0; sent !== undefined && i < call.times; i += 1) {
              const answer = await entries.write(sent.step, sent.writes).then(
                () => 'done',
                (error) => (error instanceof LeaseLost ? 'lost' : Promise.reject(error)),
              );
              expect(answer).toBe(model.write(sent.step, sent.writes));
            }
          }
          for (const each of names) expect(await entries.view(each)).toEqual(model.view(each));
        }),
        { numRuns: 60 },
      );
    });
  });
}

let made = 0;
/** A campaign and a line that no test has used. */
function newNames(): [string, string] {
  made += 1;
  return [`campaign:${made}:message_${1 + (made % 2)}`, `line:line-${made}`];
}

/** The steps of one run, in order. */
function runOf(entries: Entries, [first, second]: [string, string], epoch: number) {
  let step = 0;
  return {
    epoch,
    async write(fields: Write['fields'], also: Write['fields'] | null = null, about: Pick<Write, 'keptFor'> = {}): Promise<void> {
      step += 1;
      const further = also === null ? [] : [{ name: second, epoch, fields: also }];
      await entries.write(step, [{ name: first, epoch, fields, ...about }, ...further]);
    },
  };
}

/** The rules in their plainest form. */
class Model {
  readonly #kept = new Map<string, { epoch: number; step: number; fields: Record<string, string> }>();

  /** What is found; true when it is refused. */
  open(name: string, epoch: number): Record<string, string> | true {
    const { epoch: last, fields } = this.#kept.get(name) ?? { epoch: 0, fields: {} };
    if (last > epoch) return true;
    this.#kept.set(name, { epoch, step: 0, fields });
    return { ...fields };
  }

  write(step: number, writes: Write[]): 'done' | 'lost' {
    const kept = writes.map(({ name, epoch }) => (this.#kept.get(name)?.epoch === epoch ? this.#kept.get(name) : undefined));
    const [first] = kept;
    if (first === undefined || kept.includes(undefined) || step > first.step + 1) return 'lost';
    if (step <= first.step) return 'done';
    first.step = step;
    for (const { name, fields } of writes) {
      const all = { ...this.#kept.get(name)?.fields, ...fields };
      const left = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
      Object.assign(this.#kept.get(name) as object, { fields: Object.fromEntries(left) });
    }
    return 'done';
  }

  view(name: string): { epoch: number; fields: Map<string, string> } | null {
    const kept = this.#kept.get(name);
    return kept === undefined ? null : { epoch: kept.epoch, fields: new Map(Object.entries(kept.fields)) };
  }
}

const arbitraryFields = fc.dictionary(
  fc.constantFrom('1', '2', '3', 'header', 'sent', 'failed', 'last_message'),
  fc.option(fc.string({ unit: fc.constantFrom('a', '1', '"', '\\', '{', 'é', '😀') })),
);
const arbitraryCall = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('open' as const), run: fc.nat({ max: 1 }), name: fc.nat({ max: 1 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      run: fc.nat({ max: 1 }),
      fields: arbitraryFields,
      both: fc.boolean(),
      pace: arbitraryFields,
      times: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('late' as const), run: fc.nat({ max: 1 }), which: fc.nat(), times: fc.constant(1) }),
  },
);
