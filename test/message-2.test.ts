import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBegun } from '../src/core/campaign.ts';
import { progressOf } from '../src/core/progress.ts';
import { borrowLine } from '../src/engine/borrow-line.ts';
import type { Ending } from '../src/engine/finish.ts';
import { OptOutList } from '../src/engine/opt-out-list.ts';
import { recover } from '../src/engine/recover.ts';
import type { CampaignStore, Clock, Owner } from '../src/ports.ts';
import { runCampaign } from '../src/run-campaign.ts';
import { accepted, answers, unknown } from './support/answers.ts';
import { MemoryCheckpoints } from './support/memory-checkpoint.ts';
import { MemoryStore } from './support/memory-store.ts';
import { Life, POLICY, SimWorld } from './support/sim-world.ts';

const D = POLICY.pace.delayMs;

/** A listener beside the campaigns of a simulated world: it sends the Message 2 that are due there. */
class Listener {
  readonly store = new MemoryStore(0);
  readonly checkpoints: MemoryCheckpoints;
  readonly #world: SimWorld;
  #processes = 0;

  constructor(world: SimWorld) {
    this.#world = world;
    this.checkpoints = new MemoryCheckpoints(world.clock, 'message_2', world.checkpoints);
    Object.assign(this.store.campaign, world.store.campaign, { status: 'draft' });
  }

  /** Somebody replied: one more Message 2 is due. */
  due(): number {
    const message = 1_000 + this.store.rows.length;
    const [row] = new MemoryStore(1).rows;
    if (row === undefined) throw new Error('no row');
    this.store.rows.push({ ...row, message, phone: `+2299${message}`, content: `Thank you ${message}` });
    return message;
  }

  async send(life = new Life()): Promise<Ending | null> {
    const { clock, provider, policy, dead } = this.#world;
    this.#processes += 1;
    const owner: Owner = { ...this.#world.owner(), token: `listener-${this.#processes}` };
    life.onDeath = () => dead.add(owner.token);
    const processes = { self: () => owner, fate: (other: Owner) => (dead.has(other.token) ? ('over' as const) : ('running' as const)) };
    const parts = { checkpoints: life.bind(this.checkpoints), processes, clock: life.bind<Clock>(clock) };
    const checkpoint = await borrowLine(parts, { campaign: 42, line: provider.line, owner });
    if (checkpoint === null) return null;
    const bound = life.bind(checkpoint);
    const recipients = life.bind(this.store);
    const campaign = await this.store.find();
    const found = await recover(campaign, recipients, bound);
    const progress = progressOf(await this.store.tally(), { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
    const ending = await runCampaign(
      {
        campaign,
        owner,
        campaigns: life.bind<CampaignStore>(this.store),
        recipients,
        provider: life.bind(provider),
        clock: parts.clock,
        report: { tell: () => undefined },
        processes,
        policy: () => policy,
        limit: null,
        type: 'message_2',
        optOuts: new OptOutList(this.#world.optOuts),
      },
      {
        checkpoint: bound,
        found,
        progress,
        sending: true,
        begun: isBegun(campaign, null),
        sandbox: false,
        settings: {},
      },
      { onRun: () => undefined, signalCode: () => 143 },
    );
    dead.add(owner.token);
    return ending;
  }

  /** Goes on as a listener does until nothing is due, whatever happened to it before. */
  async sendAll(): Promise<void> {
    while (this.store.rows.some(({ status }) => status === 'pending')) {
      await this.send();
      await this.#world.clock.sleep(this.#world.clock.now() + 500);
    }
  }
}

const gaps = ({ provider: { starts } }: SimWorld) => starts.slice(1).map((at, i) => at - (starts[i] as number));
const sendsOf = ({ provider }: SimWorld, message: number) =>
  provider.accepted.filter(({ reference }) => reference.includes(`-${message}-`));

describe('Message 2 beside a running campaign', () => {
  it('goes out on the next turn of the line, and the campaign goes on at its pace', async () => {
    const world = new SimWorld(30);
    const listener = new Listener(world);
    const reply = async () => {
      await world.clock.sleep(world.clock.now() + 10_500);
      const message = listener.due();
      await listener.send();
      return message;
    };
    const [ending, message] = await world.clock.run(Promise.all([world.start(), reply()]));
    expect(ending.exitCode).toBe(0);
    expect(sendsOf(world, message)).toHaveLength(1);
    expect(world.provider.accepted.findIndex(({ reference }) => reference.includes(`-${message}-`))).toBeLessThanOrEqual(5);
    expect(world.provider.accepted).toHaveLength(31);
    expect(world.provider.duplicates()).toEqual([]);
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(D - 1);
    expect(Math.max(...gaps(world))).toBeLessThan(2 * D);
  });

  it('several replies at once go out ahead of the campaign, one delay apart', async () => {
    const world = new SimWorld(20);
    const listener = new Listener(world);
    const replies = async () => {
      await world.clock.sleep(world.clock.now() + 10_500);
      const messages = [listener.due(), listener.due(), listener.due()];
      await listener.send();
      return messages;
    };
    const [, messages] = await world.clock.run(Promise.all([world.start(), replies()]));
    const places = messages.map((message) => world.provider.accepted.findIndex(({ reference }) => reference.includes(`-${message}-`)));
    expect(places[2]).toBe((places[0] as number) + 2);
    expect(world.provider.accepted).toHaveLength(23);
    expect(Math.min(...gaps(world))).toBeGreaterThanOrEqual(D - 1);
  });

  it('a campaign at full speed lends its line too, and no call of its own begins while it is lent', async () => {
    const world = new SimWorld(400);
    world.policy = { ...POLICY, pace: { delayMs: 0, batchSize: 1_000, batchPauseMs: 0 }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 } };
    // Every call waits for its connection.
    world.provider.before = (operation) => (operation === 'write' ? world.clock.sleep(world.clock.now() + 100) : Promise.resolve());
    const writers: { lent: boolean; message2: boolean }[] = [];
    world.provider.behave = (call, { reference }) => {
      const lent = world.checkpoints.locks.get('line:line-1')?.type !== 'message_1';
      writers.push({ lent, message2: Number(reference.split('-')[2]) >= 1_000 });
      return answers(accepted, true, 13 * (call % 7));
    };
    const listener = new Listener(world);
    const reply = async () => {
      await world.clock.sleep(world.clock.now() + 1_000);
      listener.due();
      return listener.send();
    };
    const [ending] = await world.clock.run(Promise.all([world.start(), reply()]));
    expect(ending.exitCode).toBe(0);
    expect(writers.filter(({ lent }) => lent)).toEqual([{ lent: true, message2: true }]);
    expect(world.provider.accepted).toHaveLength(401);
    expect(world.provider.duplicates()).toEqual([]);
  });

  it('a campaign that only looks up what is open lends its line at once', async () => {
    const world = new SimWorld(3);
    world.policy = { ...POLICY, lookupMs: 120_000 };
    world.provider.behave = (call) => (call <= 3 ? answers(unknown('timeout'), false) : answers(accepted));
    const listener = new Listener(world);
    const reply = async () => {
      await world.clock.sleep(world.clock.now() + 30_000);
      listener.due();
      const begin = world.clock.now();
      expect((await listener.send())?.exitCode).toBe(0);
      return world.clock.now() - begin;
    };
    const [ending, took] = await world.clock.run(Promise.all([world.start(), reply()]));
    expect(ending.exitCode).toBe(0);
    expect(took).toBeLessThan(5_000);
    expect(world.provider.accepted).toHaveLength(4);
  });

  it('a listener that dies with the line is replaced, and the line goes back to the campaign', async () => {
    let deaths = 0;
    for (let call = 1; call < 25; call += 1) {
      const world = new SimWorld(12);
      const listener = new Listener(world);
      const reply = async () => {
        await world.clock.sleep(world.clock.now() + 4_500);
        const message = listener.due();
        const life = new Life(call, call % 2 === 0);
        await Promise.race([listener.send(life), life.over]);
        deaths += life.alive ? 0 : 1;
        await listener.sendAll();
        return message;
      };
      const [ending, message] = await world.clock.run(Promise.all([world.start(), reply()]));
      expect(ending.exitCode).toBe(0);
      expect(sendsOf(world, message)).toHaveLength(1);
      expect(world.provider.accepted).toHaveLength(13);
      expect(world.provider.duplicates()).toEqual([]);
    }
    expect(deaths).toBeGreaterThan(20);
  });

  it('whoever dies when, whatever the answers: Message 2 goes out once to each, and so does Message 1', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 3 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 120 }), fc.boolean()), { maxLength: 2 }),
        fc.integer({ min: 2, max: 9 }),
        async (moments, listenerDeaths, runDeaths, lost) => {
          const world = new SimWorld(12);
          const listener = new Listener(world);
          // No message is lost twice, so that none uses up its attempts.
          const lostOnce = new Set<string>();
          world.provider.behave = (call, { reference }) => {
            if (call % lost !== 0 || lostOnce.has(reference)) return answers(accepted, true, 200);
            lostOnce.add(reference);
            return answers(unknown('timeout'), call % 2 === 0);
          };
          const begin = world.clock.now();
          const campaign = async () => {
            for (const [call, after] of runDeaths) {
              const life = new Life(call, after);
              await Promise.race([world.start({ life }).catch(() => undefined), life.over]);
              await world.clock.sleep(world.clock.now() + 16_000);
            }
            for (let tries = 0; (await world.start().catch(() => null))?.exitCode !== 0; tries += 1) {
              if (tries > 20) throw new Error('the campaign does not end');
              await world.clock.sleep(world.clock.now() + 60_000);
            }
          };
          const replies = async () => {
            for (const [i, at] of [...moments].sort((a, b) => a - b).entries()) {
              await world.clock.sleep(begin + at);
              listener.due();
              const death = listenerDeaths[i];
              const life = death === undefined ? new Life() : new Life(...death);
              await Promise.race([listener.send(life), life.over]);
            }
            await listener.sendAll();
          };
          await world.clock.run(Promise.all([campaign(), replies()]));
          expect(world.provider.duplicates()).toEqual([]);
          expect(new Set(world.provider.accepted.map(({ phone }) => phone)).size).toBe(12 + moments.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a contact who wants no messages', () => {
  it('is skipped at the moment of sending, counted so, and the campaign is done without them', async () => {
    const world = new SimWorld(10);
    const [, , third] = world.store.rows;
    const last = world.store.rows.at(-1);
    await world.optOuts.set([third?.phone as string], true, 'test');
    const stop = async () => {
      await world.clock.sleep(world.clock.now() + 23_000);
      await world.optOuts.set([last?.phone as string], true, 'reply');
    };
    const [ending] = await world.clock.run(Promise.all([world.start(), stop()]));
    expect(ending).toMatchObject({ exitCode: 0, progress: { total: 10, sent: 8, skipped: 2, pending: 0 } });
    expect(world.events.filter(({ type }) => type === 'skipped')).toHaveLength(2);
    expect(third?.error).toBe('wsend: skipped: opted out');
    expect(third?.status).toBe('pending');
    const again = await world.finish();
    expect(again).toMatchObject({ exitCode: 0, progress: { sent: 8, skipped: 2 } });
    expect(world.events.filter(({ type }) => type === 'skipped')).toHaveLength(2);
    expect(world.provider.accepted).toHaveLength(8);
  });

  it('who changed their mind is sent to by the next run, once they were looked up', async () => {
    const world = new SimWorld(3);
    const [first] = world.store.rows;
    await world.optOuts.set([first?.phone as string], true, 'test');
    await world.finish();
    await world.optOuts.set([first?.phone as string], false, 'test');
    expect(await world.finish()).toMatchObject({ exitCode: 0, progress: { sent: 3, skipped: 0 } });
    // A run whose checkpoint is gone may have sent it under the note that it was left out.
    expect(world.provider.lookUps).toBeGreaterThan(0);
  });
});
