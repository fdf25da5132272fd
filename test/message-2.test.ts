import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Config } from '../src/config.ts';
import { identityOf } from '../src/core/campaign.ts';
import { campaignName, keptOf, lineName, type Owner, readCheckpoint } from '../src/core/checkpoint.ts';
import type { Event } from '../src/core/event.ts';
import { CheckpointUnreachable, DatabaseUnreachable, EXIT, UserError } from '../src/errors.ts';
import { LookUpSchedule } from '../src/listen/look-up-schedule.ts';
import { stopRun } from '../src/loop/course.ts';
import { OptOutList } from '../src/loop/opt-out-list.ts';
import type { Run } from '../src/loop/parts.ts';
import type { CampaignStore, RecipientStore } from '../src/ports/campaign-store.ts';
import type { Clock } from '../src/ports/clock.ts';
import type { Replies } from '../src/ports/inbox.ts';
import type { Leases } from '../src/ports/leases.ts';
import { runStream } from '../src/runs/run-stream.ts';
import { sendMessage2 } from '../src/runs/send-message-2.ts';
import { viewOf } from '../src/runs/view.ts';
import type { World } from '../src/world.ts';
import { accepted, answers, gaps, unknown } from './support/answers.ts';
import { MemoryProvider } from './support/memory-provider.ts';
import { MemoryStore } from './support/memory-store.ts';
import { noOddTexts } from './support/no-odd-texts.ts';
import { noRecentTexts } from './support/no-recent-texts.ts';
import { Life, POLICY, SimWorld } from './support/sim-world.ts';

const D = POLICY.pace.delayMs;
const LINE = lineName('line-1');
/** Message 2 rows have ids from here on. */
const SECOND = 100_000;

/** A simulated world in which contacts reply: the processes in it run the real commands. */
class Scene {
  readonly sim: SimWorld;
  /** Message 2 of each campaign, as the database holds them, and the line that each contact wrote to. */
  readonly due = new Map<number, MemoryStore>();
  readonly lineOf = new Map<number, string>();
  readonly providers: Record<string, MemoryProvider>;
  readonly events: Event[] = [];
  /** What breaks a reading of what is due. */
  beforePending: () => Promise<void> = async () => undefined;
  #made = 0;

  constructor(people: number) {
    this.sim = new SimWorld(people);
    const { clock, provider } = this.sim;
    // One account: whichever line is asked, all that it took is listed.
    const second = Object.assign(new MemoryProvider(clock), { line: 'line-2', accepted: provider.accepted, history: provider.history });
    this.providers = { 'line-1': provider, 'line-2': second };
    this.sim.provider.behave = () => answers(accepted);
  }

  /** Somebody replied on a line: one more Message 2 is due. */
  reply(campaign = 42, line = 'line-1'): number {
    const store = this.due.get(campaign) ?? new MemoryStore(0, { ...this.sim.store.campaign, id: campaign });
    const message = SECOND + this.#made++;
    const [row] = new MemoryStore(1).rows;
    store.rows.push({ ...(row as (typeof store.rows)[number]), message, phone: `+2299${message}`, content: `Thank you ${message}` });
    this.due.set(campaign, store);
    this.lineOf.set(message, line);
    return message;
  }

  row(message: number) {
    return [...this.due.values()].flatMap(({ rows }) => rows).find((row) => row.message === message);
  }

  /** How often a message was accepted, and its place among all that were. */
  sends(message: number): number {
    return this.sim.provider.accepted.filter(({ reference }) => idOf(reference) === message).length;
  }

  place(message: number): number {
    return this.sim.provider.accepted.findIndex(({ reference }) => idOf(reference) === message);
  }

  /** Nobody got anything twice. */
  expectOnce(): void {
    const got = this.sim.provider.accepted.map(
      ({ reference, phone }) => `${reference.split('-')[1]} ${idOf(reference) >= SECOND} ${phone}`,
    );
    expect(got.filter((one, i) => got.indexOf(one) !== i)).toEqual([]);
  }

  /** What is kept of a campaign's Message 2. */
  kept(campaign = 42) {
    const checkpoint = readCheckpoint(this.sim.entries.fields(campaignName(campaign, 'message_2')));
    return { ...checkpoint, ...keptOf(checkpoint) };
  }

  wait(ms: number): Promise<void> {
    return this.sim.clock.sleep(this.sim.clock.now() + ms);
  }

  /** A process that sends the campaign's Message 1; resolves to its exit code, and never when it is killed. */
  run(life = new Life()): Promise<number> {
    const process = new Process(this, life);
    return process.work(() => runStream(process.world, 42, { yes: true }));
  }

  listener(life = new Life()): Listener {
    return new Listener(this, life);
  }
}

const idOf = (reference: string) => Number(reference.split('-')[2]);

/** A process, and the world as it sees it. */
class Process {
  readonly world: World;
  readonly life: Life;
  readonly token: string;
  onSignal: ((signal: 'SIGINT') => void) | null = null;
  readonly #scene: Scene;
  readonly #owner: Owner;
  #tokens = 0;
  readonly #over = new Set<string>();

  constructor(scene: Scene, life: Life) {
    this.#scene = scene;
    this.life = life;
    this.world = this.#worldOf(scene, life);
    const owner = scene.sim.owner();
    this.#owner = { ...owner, birth: `with ${owner.token}` };
    this.token = owner.token;
    life.onDeath = () => this.#isOver();
  }

  /** Does its work to the end; what people may see of an error is its exit code. */
  async work(command: () => Promise<number>): Promise<number> {
    try {
      return await command();
    } catch (error) {
      if (error instanceof UserError) return error.exitCode;
      throw error;
    } finally {
      this.#isOver();
    }
  }

  #isOver(): void {
    this.#scene.sim.dead.add(this.token);
  }

  #worldOf(scene: Scene, life: Life): World {
    const { sim } = scene;
    const clock = life.bind<Clock>(sim.clock);
    const leases = boundLeases(life, sim.leases);
    const entries = life.bind(sim.entries);
    const data = {
      campaigns: life.bind<CampaignStore>(campaignsOf(scene)),
      recipients: life.bind<RecipientStore>(sim.store),
      optOuts: life.bind(sim.optOuts),
      texts: noOddTexts,
      recentTexts: noRecentTexts,
      message2: (lines: string[]) => message2Of(scene, life, lines),
      replies: life.bind(repliesOf(scene)),
    };
    const quiet = { write: () => undefined, isTTY: false, columns: () => 80, idle: () => true, settled: async () => true };
    const world = {
      clock,
      sandbox: false,
      purpose: 'send',
      nextStep: (command: string) => command,
      outside: {
        ...{ stdout: quiet, stderr: quiet, env: {}, interactive: false, ask: async () => '' },
        onSignal: (handler: (signal: 'SIGINT') => void) => {
          this.onSignal = handler;
          return () => undefined;
        },
      },
      config: (_purpose: string, { delay }: { delay?: number } = {}) => configOf(sim, delay),
      data: async () => data,
      dataToWrite: async () => data,
      leases: async () => leases,
      entries: async () => entries,
      async view(id: number, type: 'message_1' | 'message_2' = 'message_1') {
        const name = campaignName(id, type);
        const campaign = await data.campaigns.find(id);
        return viewOf(
          (await leases.look([name])).get(name),
          await entries.view(name),
          campaign === undefined ? null : identityOf(campaign),
        );
      },
      processes: async () => ({
        // Every run of a process has a token of its own, as in adapters/process.
        self: () => ({ ...this.#owner, token: `${this.token}/${++this.#tokens}` }),
        end: ({ token }: { token: string }) => void this.#over.add(token),
        fate: ({ token }: { token: string }) => (sim.dead.has(token.split('/')[0] as string) || this.#over.has(token) ? 'over' : 'running'),
      }),
      provider: async (_config: Config, line = 'line-1') => life.bind(scene.providers[line] as MemoryProvider),
      report: async () => ({ tell: (event: Event) => void (life.alive && scene.events.push(event)) }),
      show: { aside: () => undefined, result: () => undefined },
      leave: () => life.kill(),
    };
    return world as unknown as World;
  }
}

/** A process that sends what is due, as `wsend listen` does. */
class Listener {
  readonly process: Process;
  readonly #scene: Scene;
  readonly #lookAgain = new LookUpSchedule();
  readonly #optOuts: OptOutList;
  run: Run | null = null;

  constructor(scene: Scene, life: Life) {
    this.#scene = scene;
    this.process = new Process(scene, life);
    this.#optOuts = new OptOutList(scene.sim.optOuts);
  }

  /** One round; resolves to the exit codes. */
  async round(): Promise<number[]> {
    const { world } = this.process;
    const { replies } = await world.data();
    const codes: number[] = [];
    for (const wish of await replies.pendingMessage2()) {
      if (!this.#lookAgain.isDue(`${wish.campaign} ${wish.line}`, wish.fresh, world.clock.now())) continue;
      const onRun = (run: Run) => {
        this.run = run;
      };
      const sent = sendMessage2(world, wish, { optOuts: this.#optOuts, onRun });
      codes.push(
        await sent.catch((error) => {
          if (error instanceof UserError) return error.exitCode;
          throw error;
        }),
      );
    }
    return codes;
  }

  /** Goes on until nothing is due; a line that another run has is asked for again after 5 s. */
  async toTheEnd(): Promise<void> {
    const { clock } = this.process.world;
    const begin = clock.now();
    while ([...this.#scene.due.values()].some(({ rows }) => rows.some(({ status }) => status === 'pending'))) {
      if (clock.now() - begin > 86_400_000) throw new Error('the listener never ends');
      const codes = await this.round();
      await clock.sleep(clock.now() + (codes.includes(EXIT.held) ? 5_000 : 30_000));
    }
  }
}

function configOf({ policy }: SimWorld, delay?: number): Config {
  const pace = delay === undefined ? policy.pace : { ...policy.pace, delayMs: 1_000 * delay };
  return { policy: { ...policy, pace }, provider: { line: 'line-1' } } as Config;
}

function boundLeases(life: Life, leases: Leases): Leases {
  const bound = life.bind(leases);
  return {
    take: async (...wish) => {
      const answer = await bound.take(...wish);
      return 'lease' in answer ? { lease: life.bind(answer.lease) } : answer;
    },
    look: (names) => bound.look(names),
    ask: (name, wish) => bound.ask(name, wish),
  };
}

function campaignsOf({ sim }: Scene): CampaignStore {
  const { store } = sim;
  const mine = Object.fromEntries(
    ['list', 'tally', 'setStatus', 'complete', 'awaitsReplies', 'failures'].map((name) => [
      name,
      (...args: unknown[]) => (store as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args),
    ]),
  );
  return { ...mine, find: async (id: number) => ({ ...(await store.find()), id }) } as unknown as CampaignStore;
}

/** Message 2 on some lines, as adapters/sql gives it: only what is read page by page is of these lines alone. */
function message2Of(scene: Scene, life: Life, lines: string[]) {
  const of = (campaign: number) => scene.due.get(campaign) as MemoryStore;
  const isHere = (message: number) => lines.includes(scene.lineOf.get(message) as string);
  const campaigns = {
    tally: (id: number) => of(id).tally(),
    setStatus: async () => undefined,
    complete: async () => false,
    awaitsReplies: async () => false,
    failures: (id: number) => of(id).failures(),
  };
  const everyone = {
    pending: (id: number, after: number, limit: number) => of(id).pending(id, after, limit),
    has: (id: number, message: number | null) => of(id).has(id, message),
    stillPending: (id: number, messages: number[]) => of(id).stillPending(id, messages),
    settled: (id: number, messages: number[]) => of(id).settled(id, messages),
    record: (id: number, results: Parameters<RecipientStore['record']>[1]) => of(id).record(id, results),
    latestAccepted: () => scene.sim.store.latestAccepted(),
  };
  const recipients = {
    ...everyone,
    pending: async (id: number, after: number, limit: number) =>
      (await of(id).pending(id, after, Number.POSITIVE_INFINITY)).filter(({ message }) => isHere(message)).slice(0, limit),
    stillPending: async (id: number, messages: number[]) =>
      (await of(id).stillPending(id, messages)).filter(({ message }) => isHere(message)),
  };
  return {
    campaigns: life.bind(campaigns) as unknown as CampaignStore,
    recipients: life.bind(recipients) as unknown as RecipientStore,
    everyone: life.bind(everyone) as unknown as RecipientStore,
  };
}

function repliesOf(scene: Scene): Pick<Replies, 'pendingMessage2'> {
  return {
    async pendingMessage2() {
      await scene.beforePending();
      return [...scene.due].flatMap(([campaign, { rows }]) => {
        const pending = rows.filter(({ status, error }) => status === 'pending' && !error?.startsWith('wsend: skipped'));
        return [...new Set(pending.map(({ message }) => scene.lineOf.get(message) as string))].map((line) => {
          const fresh = pending.some(({ message, error }) => scene.lineOf.get(message) === line && error === null);
          return { campaign, line, fresh };
        });
      });
    },
  };
}

describe('Message 2 while a run of Message 1 holds its line', () => {
  it('is sent by that run within its next sign of life, before Message 1, and the campaign goes on at its pace', async () => {
    const scene = new Scene(30);
    const { sim } = scene;
    const reply = async () => {
      await scene.wait(10_500);
      const message = scene.reply();
      const { epoch } = sim.leases.rows.get(LINE) as { epoch: number };
      expect(await scene.listener().round()).toEqual([EXIT.held]);
      await scene.wait(D + 2_000);
      expect(scene.sends(message)).toBe(1);
      return { message, epoch };
    };
    const [exitCode, { message, epoch }] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(0);
    // At 0, 3, 6, 9, and at 12 or 15 s.
    expect(scene.place(message)).toBeLessThanOrEqual(5);
    expect(sim.leases.rows.get(LINE)).toMatchObject({ epoch, owner: null });
    expect(sim.provider.accepted).toHaveLength(31);
    expect(scene.row(message)).toMatchObject({ status: 'sent' });
    expect(gaps(sim)).toEqual(Array(30).fill(D));
    scene.expectOnce();
  });

  it('several replies go out ahead of the campaign, one delay apart, and once to each', async () => {
    const scene = new Scene(20);
    const { sim } = scene;
    const replies = async () => {
      await scene.wait(10_500);
      const messages = [scene.reply(), scene.reply(), scene.reply()];
      await scene.listener().round();
      return messages;
    };
    const [, messages] = await sim.clock.run(Promise.all([scene.run(), replies()]));
    const places = messages.map((message) => scene.place(message));
    expect(places.map((place) => place - (places[0] as number))).toEqual([0, 1, 2]);
    expect(sim.provider.accepted).toHaveLength(23);
    expect(gaps(sim)).toEqual(Array(22).fill(D));
    scene.expectOnce();
  });

  it('of other campaigns on the line too, and none of another line', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    const replies = async () => {
      await scene.wait(4_500);
      const messages = [scene.reply(42), scene.reply(43), scene.reply(42, 'line-2'), scene.reply(44, 'line-2')];
      // Only what is due on the line is asked for there.
      await sim.leases.ask(LINE, 'message_2');
      await scene.wait(20_000);
      return messages;
    };
    const [, messages] = await sim.clock.run(Promise.all([scene.run(), replies()]));
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 1, 0, 0]);
    await sim.clock.run(scene.listener().toTheEnd());
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 1, 1, 1]);
    expect(sim.provider.accepted.filter(({ line }) => line === 'line-2')).toHaveLength(2);
    scene.expectOnce();
  });

  it('keeps the batches of the line, its rests, and what the provider asks for', async () => {
    const scene = new Scene(12);
    const { sim } = scene;
    sim.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 5, batchPauseMs: 30_000 } };
    sim.provider.behave = (call) =>
      call === 8 ? answers({ kind: 'throttled', retryAfterMs: 60_000, reason: 'slow down' }, false) : answers(accepted);
    const replies = async () => {
      // In the batch pause, and in the rest.
      await scene.wait(13_000);
      const first = scene.reply();
      await scene.listener().round();
      await scene.wait(50_000);
      const second = scene.reply();
      await scene.listener().round();
      return [first, second] as const;
    };
    const [exitCode, [first, second]] = await sim.clock.run(Promise.all([scene.run(), replies()]));
    expect(exitCode).toBe(0);
    const [begin] = sim.provider.starts as [number];
    const at = (message: number) => (sim.provider.accepted[scene.place(message)] as { at: number }).at - begin;
    expect([at(first), at(second)]).toEqual([12_000 + 33_000, 51_100 + 60_000]);
    expect(gaps(sim).slice(0, 7)).toEqual([3_000, 3_000, 3_000, 3_000, 33_000, 3_000, 3_000]);
    scene.expectOnce();
  });

  it('takes nothing from the campaign: a 429 in its batch makes its next one slower all the same', async () => {
    const scene = new Scene(30);
    const { sim } = scene;
    sim.policy = { ...POLICY, pace: { ...POLICY.pace, batchSize: 10, batchPauseMs: 0 } };
    sim.provider.behave = (call) =>
      call === 3 ? answers({ kind: 'throttled', retryAfterMs: 1_000, reason: 'slow down' }, false) : answers(accepted);
    const reply = async () => {
      await scene.wait(10_500);
      scene.reply();
      await scene.listener().round();
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, sim.provider.accepted.length]).toEqual([0, 31]);
    expect(scene.events.find(({ type }) => type === 'delay')).toMatchObject({ toMs: 4_500, cause: 'throttled' });
  });

  it('in the pause after a batch leaves the next one to the campaign: settings and failures are looked at as before any other', async () => {
    const scene = new Scene(30);
    const { sim } = scene;
    sim.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 10, batchPauseMs: 20_000 } };
    const reply = async () => {
      await scene.wait(30_000);
      sim.policy = { ...sim.policy, pace: { ...sim.policy.pace, delayMs: 5_000 } };
      const failed = sim.store.rows.filter(({ status }) => status === 'sent').slice(0, 2);
      for (const row of failed) Object.assign(row, { status: 'failed', error: 'message:failed: accepted, then failed at the provider' });
      scene.reply();
      await scene.listener().round();
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(EXIT.someFailed);
    expect(scene.events.flatMap((event) => (event.type === 'delay' ? [[event.fromMs, event.toMs, event.errorRate]] : []))[0]).toEqual([
      3_000,
      7_500,
      2 / 10,
    ]);
    expect(gaps(sim).slice(8, 12)).toEqual([3_000, 25_000, 7_500, 7_500]);
    expect(scene.events.filter(({ type }) => type === 'batch')).toHaveLength(4);
  });

  it('sends nothing while the line is not surely ours, though its own lease is', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    const away = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
    const take = sim.leases.take.bind(sim.leases);
    sim.leases.take = async (names, ...wish) => {
      const answer = await take(names, ...wish);
      if (!('lease' in answer) || !names.includes(LINE)) return answer;
      const { prolong, ...lease } = answer.lease;
      const isAway = () => sim.clock.now() >= away.from && sim.clock.now() < away.until;
      return { lease: { ...lease, prolong: () => (isAway() ? Promise.reject(new DatabaseUnreachable('no answer')) : prolong()) } };
    };
    const reply = async () => {
      await scene.wait(4_500);
      const messages = Array.from({ length: 10 }, () => scene.reply());
      await scene.listener().round();
      while (scene.sends(messages[0] as number) === 0) await scene.wait(100);
      Object.assign(away, { from: sim.clock.now(), until: sim.clock.now() + 40_000 });
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, sim.provider.accepted.length]).toEqual([0, 20]);
    expect(sim.provider.starts.filter((at) => at > away.from + 10_000 && at < away.until)).toEqual([]);
    scene.expectOnce();
  });

  it('says why it rests while Message 2 is sent, as at any other time', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    let [offline, wasOffline] = [false, false];
    sim.provider.lineState = () => (offline ? { kind: 'waiting', reason: 'the device is offline' } : { kind: 'ready', name: 'x' });
    sim.provider.behave = (_call, { reference }) => {
      if (wasOffline || idOf(reference) < SECOND) return answers(accepted);
      [offline, wasOffline] = [true, true];
      void scene.wait(120_000).then(() => {
        offline = false;
      });
      return answers(unknown('http:503', true), false);
    };
    const reply = async () => {
      await scene.wait(4_500);
      scene.reply();
      await scene.listener().toTheEnd();
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, sim.provider.accepted.length]).toEqual([0, 11]);
    expect(scene.events.filter((event) => event.type === 'rest' && event.reason === 'offline')).not.toEqual([]);
  });

  it('whose line another has had meanwhile sends nothing more, neither the one nor the other, and ends with 7', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    const lost = { starts: 0 };
    const reply = async () => {
      await scene.wait(4_500);
      const messages = [scene.reply(), scene.reply(), scene.reply()];
      await scene.listener().round();
      while (scene.sends(messages[0] as number) === 0) await scene.wait(100);
      const others = await sim.takenByAnother([LINE]);
      // What is on the way with the next sign of life.
      await scene.wait(2_100);
      lost.starts = sim.provider.starts.length;
      await scene.wait(60_000);
      await others.release();
      return messages;
    };
    const [exitCode, messages] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(EXIT.held);
    expect(sim.provider.starts).toHaveLength(lost.starts);
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 0, 0]);
    const [again] = await sim.clock.run(Promise.all([scene.run(), scene.listener().toTheEnd()]));
    expect([again, sim.provider.accepted.length]).toEqual([0, 13]);
    scene.expectOnce();
  });

  it('at full speed goes before what is not claimed yet, and both together keep to the calls in flight', async () => {
    const scene = new Scene(400);
    const { sim } = scene;
    sim.policy = { ...POLICY, pace: { delayMs: 0, batchSize: 1_000, batchPauseMs: 0 }, bounds: { minDelayMs: 0, maxDelayMs: 10_000 } };
    // Every call waits for its connection.
    sim.provider.before = (operation) => (operation === 'write' ? scene.wait(100) : Promise.resolve());
    const written: number[] = [];
    sim.provider.behave = (call, { reference }) => {
      written.push(idOf(reference));
      return answers(accepted, true, 13 * (call % 7));
    };
    const reply = async () => {
      await scene.wait(1_000);
      const messages = [scene.reply(), scene.reply(), scene.reply(), scene.reply(), scene.reply()];
      await scene.listener().round();
      return messages;
    };
    const [exitCode, messages] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(0);
    const places = messages.map((message) => written.indexOf(message));
    // What was claimed before the wish was heard of goes out between them, and nothing else.
    expect(Math.max(...places) - Math.min(...places)).toBeLessThan(5 + 4);
    expect(sim.provider.mostInFlight).toBeLessThanOrEqual(4);
    expect(sim.provider.accepted).toHaveLength(405);
    scene.expectOnce();
  });

  it('a run that only looks up what is open sends it at once', async () => {
    const scene = new Scene(3);
    const { sim } = scene;
    sim.policy = { ...POLICY, lookupMs: 120_000 };
    sim.provider.behave = (call) => (call <= 3 ? answers(unknown('timeout'), false) : answers(accepted));
    const reply = async () => {
      await scene.wait(30_000);
      const message = scene.reply();
      await scene.listener().round();
      await scene.wait(5_000);
      expect(scene.sends(message)).toBe(1);
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(0);
    expect(sim.provider.accepted).toHaveLength(4);
  });

  it('the wish that comes while the run is getting ready is kept until it sends', async () => {
    for (const at of [100, 3_000, 12_000, 25_000]) {
      const scene = new Scene(5);
      const { sim } = scene;
      // Half a minute of look-ups before anything is sent.
      sim.store.campaign.status = 'sending';
      sim.policy = { ...POLICY, lookupMs: 30_000 };
      const reply = async () => {
        await scene.wait(at);
        const message = scene.reply();
        expect(await scene.listener().round()).toEqual([EXIT.held]);
        return message;
      };
      const [exitCode, message] = await sim.clock.run(Promise.all([scene.run(), reply()]));
      expect(exitCode).toBe(0);
      expect(scene.place(message), `asked at ${at}`).toBeLessThanOrEqual(1);
      expect(scene.sends(message)).toBe(1);
      expect(gaps(sim)).toEqual(Array(5).fill(D));
    }
  });

  it('the wish that comes as the run ends is met by the listener that left it', async () => {
    for (let at = 6_000; at <= 9_500; at += 250) {
      const scene = new Scene(3);
      const { sim } = scene;
      const reply = async () => {
        await scene.wait(at);
        const message = scene.reply();
        await scene.listener().toTheEnd();
        return message;
      };
      const [exitCode, message] = await sim.clock.run(Promise.all([scene.run(), reply()]));
      expect([exitCode, scene.sends(message)]).toEqual([0, 1]);
      expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
      expect(sim.clock.now() - (sim.provider.starts[0] as number)).toBeLessThan(60_000);
    }
  });

  it('counts neither into the campaign nor into its limit', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    const reply = async () => {
      await scene.wait(4_000);
      for (let i = 0; i < 3; i += 1) scene.reply();
      await scene.listener().round();
    };
    const process = new Process(scene, new Life());
    const run = process.work(() => runStream(process.world, 42, { yes: true, limit: '6' }));
    const [exitCode] = await sim.clock.run(Promise.all([run, reply()]));
    expect(exitCode).toBe(EXIT.paused);
    expect(sim.statuses()).toEqual({ sent: 6, pending: 4 });
    expect(scene.events.at(-1)).toMatchObject({ type: 'summary', progress: { total: 10, sent: 6, pending: 4 } });
    expect(sim.kept().counted).toEqual({ sent: 6, failed: 0 });
    expect(scene.kept().counted).toEqual({ sent: 3, failed: 0 });
    expect(sim.provider.accepted).toHaveLength(9);
  });

  it('what goes wrong with it does not end the run: it is said, and the listener has it tried again', async () => {
    const scene = new Scene(30);
    const { sim } = scene;
    let broken = 0;
    scene.beforePending = async () => {
      const last = scene.events.findLast(({ type }) => type === 'rest' || type === 'go_on');
      const isTheRun = last?.type === 'rest' && last.reason === 'message_2';
      if (!isTheRun || broken === 2) return;
      broken += 1;
      throw new DatabaseUnreachable('the database does not answer');
    };
    const reply = async () => {
      await scene.wait(4_000);
      const message = scene.reply();
      const listener = scene.listener();
      for (let i = 0; i < 5; i += 1) {
        await listener.round().catch(() => []);
        await scene.wait(5_000);
      }
      return message;
    };
    const [exitCode, message] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, scene.sends(message), sim.statuses().sent]).toEqual([0, 1, 30]);
    expect(broken).toBe(2);
    expect(scene.events.find(({ type }) => type === 'notice')).toMatchObject({ text: 'Message 2: the database does not answer' });
  });

  it('to a contact who wants no messages is left out', async () => {
    const scene = new Scene(10);
    const { sim } = scene;
    const reply = async () => {
      await scene.wait(4_000);
      const [one, other] = [scene.reply(), scene.reply()];
      await sim.optOuts.set([scene.row(one)?.phone as string], true, 'reply');
      await scene.listener().round();
      return [one, other] as const;
    };
    const [exitCode, [one, other]] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, scene.sends(one), scene.sends(other)]).toEqual([0, 0, 1]);
    expect(scene.row(one)).toMatchObject({ status: 'pending', error: 'wsend: skipped: opted out' });
  });

  it('of many replies one after the other leaves nothing behind in the run', async () => {
    const scene = new Scene(60);
    const { sim } = scene;
    const warnings: string[] = [];
    const warn = ({ message }: Error) => void warnings.push(message);
    process.on('warning', warn);
    const replies = async () => {
      const listener = scene.listener();
      for (let i = 0; i < 25; i += 1) {
        await scene.wait(7_000);
        scene.reply();
        await listener.round();
      }
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), replies()]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('warning', warn);
    expect([exitCode, sim.provider.accepted.length]).toEqual([0, 85]);
    expect(warnings).toEqual([]);
  });
});

describe('Message 2 whose answer is lost, while a run holds the line', () => {
  it('is looked up before a second attempt, and goes out once', async () => {
    const scene = new Scene(60);
    const { sim } = scene;
    const tried = new Set<string>();
    sim.provider.behave = (_call, { reference }) => {
      if (idOf(reference) < SECOND || tried.has(reference)) return answers(accepted);
      tried.add(reference);
      return answers(unknown('timeout'), tried.size % 2 === 1, 0);
    };
    const reply = async () => {
      await scene.wait(4_000);
      const messages = [scene.reply(), scene.reply()];
      await scene.listener().toTheEnd();
      return messages;
    };
    const [exitCode, messages] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, ...messages.map((message) => scene.sends(message))]).toEqual([0, 1, 1]);
    expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
    scene.expectOnce();
  });

  it('does not hold Message 1 up: what waits for its next attempt is not due', async () => {
    const scene = new Scene(60);
    const { sim } = scene;
    sim.provider.behave = (_call, { reference }) => (idOf(reference) < SECOND ? answers(accepted) : answers(unknown('http:502'), false, 0));
    const reply = async () => {
      await scene.wait(4_000);
      scene.reply();
      await scene.listener().round();
    };
    const [exitCode] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect(exitCode).toBe(0);
    expect(Math.max(...gaps(sim))).toBeLessThanOrEqual(sim.policy.lookupMs + 2 * D);
  });
});

describe('Message 2 that was left in doubt, while a run holds the line', () => {
  it('is looked up again while the campaign goes on', async () => {
    const scene = new Scene(1_500);
    const { sim } = scene;
    sim.policy = { ...POLICY, pace: { ...POLICY.pace, batchPauseMs: 0 } };
    sim.provider.behave = (_call, { reference }) => (idOf(reference) < SECOND ? answers(accepted) : answers(unknown('timeout'), true, 0));
    sim.provider.lookUpFault = (reference) =>
      idOf(reference) >= SECOND ? { kind: 'unsure', reason: 'it does not say', reachable: true } : null;
    const reply = async () => {
      await scene.wait(4_000);
      const message = scene.reply();
      const listener = scene.listener().toTheEnd();
      await scene.wait(60_000);
      sim.provider.lookUpFault = null;
      await scene.wait(10 * 60_000);
      const { status } = scene.row(message) as { status: string };
      await listener;
      return { status, message };
    };
    const [exitCode, { status, message }] = await sim.clock.run(Promise.all([scene.run(), reply()]));
    expect([exitCode, scene.sends(message)]).toEqual([0, 1]);
    // The campaign takes more than an hour.
    expect(status).toBe('sent');
  });
});

describe('Message 2 while nobody holds the line', () => {
  it('is sent by the listener itself, under one lease on the Message 2 and on the line', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const message = scene.reply();
    const held: string[] = [];
    sim.provider.behave = () => {
      held.push(...[...sim.leases.rows].flatMap(([name, { owner }]) => (owner === null ? [] : [`${name} ${owner.purpose}`])));
      return answers(accepted);
    };
    expect(await sim.clock.run(scene.listener().round())).toEqual([0]);
    expect(held.sort()).toEqual(['campaign:42:message_2 Message 2 of campaign 42', 'line:line-1 Message 2 of campaign 42']);
    expect(scene.row(message)).toMatchObject({ status: 'sent' });
    for (const { owner } of sim.leases.rows.values()) expect(owner).toBeNull();
    expect(scene.kept().header?.finished).toBe(true);
  });

  it('by one of two listeners that begin at the same time, once', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const messages = [scene.reply(), scene.reply(), scene.reply()];
    const [one, other] = [scene.listener(), scene.listener()];
    const codes = await sim.clock.run(Promise.all([one.round(), other.round()]));
    expect(codes.flat().sort()).toEqual([0, EXIT.held]);
    await sim.clock.run(Promise.all([one.toTheEnd(), other.toTheEnd()]));
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 1, 1]);
    expect(gaps(sim)).toEqual([D, D]);
    scene.expectOnce();
  });

  it('two listeners beside a run ask it, and everyone gets it once', async () => {
    const scene = new Scene(20);
    const { sim } = scene;
    const listener = async (offset: number) => {
      await scene.wait(4_000 + offset);
      const messages = [scene.reply(), scene.reply()];
      await scene.listener().toTheEnd();
      return messages;
    };
    const [exitCode, ...messages] = await sim.clock.run(Promise.all([scene.run(), listener(0), listener(700)]));
    expect([exitCode, ...messages.flat().map((message) => scene.sends(message))]).toEqual([0, 1, 1, 1, 1]);
    expect(gaps(sim)).toEqual(Array(23).fill(D));
    scene.expectOnce();
  });

  it('holds a run up that begins meanwhile, which goes on one whole delay after it', async () => {
    const scene = new Scene(5);
    const { sim } = scene;
    const messages = [scene.reply(), scene.reply(), scene.reply()];
    const run = async () => {
      await scene.wait(3_500);
      return scene.run();
    };
    const [exitCode, codes] = await sim.clock.run(Promise.all([run(), scene.listener().round()]));
    expect([exitCode, codes]).toEqual([0, [0]]);
    expect(messages.map((message) => scene.place(message))).toEqual([0, 1, 2]);
    expect(gaps(sim)).toEqual(Array(7).fill(D));
  });

  it('goes on by itself once its checkpoint, which was away for too long, is back', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const message = scene.reply();
    let away = true;
    sim.provider.before = async (operation) => {
      if (operation !== 'answer' || !away) return;
      sim.entries.before = async () => {
        if (away) throw new CheckpointUnreachable('Redis does not answer');
      };
    };
    // It surely was not taken, and nobody has written that down.
    sim.provider.behave = (call) => (call === 1 ? answers(unknown('http:502'), false, 0) : answers(accepted));
    const back = async () => {
      await scene.wait(100_000);
      away = false;
    };
    const listener = scene.listener();
    await sim.clock.run(Promise.all([listener.toTheEnd(), back()]));
    expect(scene.sends(message)).toBe(1);
  });
});

describe('Ctrl-C of a run that sends Message 2', () => {
  it('stops both: the call in flight is recorded, nothing else is begun, and nothing is held', async () => {
    const scene = new Scene(20);
    const { sim } = scene;
    const process = new Process(scene, new Life());
    sim.provider.behave = (_call, { reference }) => {
      if (idOf(reference) >= SECOND) process.onSignal?.('SIGINT');
      return answers(accepted, true, 2_000);
    };
    const reply = async () => {
      await scene.wait(4_000);
      const messages = [scene.reply(), scene.reply(), scene.reply()];
      await scene.listener().round();
      return messages;
    };
    const run = process.work(() => runStream(process.world, 42, { yes: true }));
    const [exitCode, messages] = await sim.clock.run(Promise.all([run, reply()]));
    expect(exitCode).toBe(EXIT.interrupted);
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 0, 0]);
    expect(messages.map((message) => scene.row(message)?.status)).toEqual(['sent', 'pending', 'pending']);
    expect(scene.events.filter(({ type }) => type === 'paused')).toMatchObject([{ campaign: 42, reason: 'signal', detail: 'SIGINT' }]);
    expect(sim.provider.starts.at(-1)).toBe((sim.provider.accepted[scene.place(messages[0] as number)] as { at: number }).at);
    for (const { owner } of sim.leases.rows.values()) expect(owner).toBeNull();
    expect(scene.kept().claims).toEqual([]);
    sim.provider.behave = () => answers(accepted);
    await sim.clock.run(scene.listener().toTheEnd());
    expect(await sim.clock.run(scene.run())).toBe(0);
    expect(messages.map((message) => scene.sends(message))).toEqual([1, 1, 1]);
    expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
    scene.expectOnce();
  });

  it('abandons a look-up of it: the recipient stays in doubt, and is looked up again', async () => {
    const scene = new Scene(20);
    const { sim } = scene;
    const process = new Process(scene, new Life());
    sim.provider.listedAfterMs = 6_000;
    sim.provider.behave = (_call, { reference }) => answers(idOf(reference) >= SECOND ? unknown('timeout') : accepted, true, 0);
    const reply = async () => {
      await scene.wait(4_000);
      const message = scene.reply();
      await scene.listener().round();
      while (scene.sends(message) === 0) await scene.wait(100);
      await scene.wait(1_000);
      process.onSignal?.('SIGINT');
      return { message, at: sim.clock.now() };
    };
    const run = process.work(() => runStream(process.world, 42, { yes: true })).then((exitCode) => ({ exitCode, end: sim.clock.now() }));
    const [{ exitCode, end }, { message, at }] = await sim.clock.run(Promise.all([run, reply()]));
    expect(exitCode).toBe(EXIT.interrupted);
    expect(end - at).toBeLessThan(2_000);
    expect(scene.row(message)).toMatchObject({ status: 'pending', error: expect.stringContaining('in doubt') });
    sim.provider.behave = () => answers(accepted);
    await sim.clock.run(scene.listener().toTheEnd());
    expect([scene.sends(message), scene.row(message)?.status]).toEqual([1, 'sent']);
  });

  it('a listener that ends stops its own', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const messages = [scene.reply(), scene.reply()];
    const listener = scene.listener();
    sim.provider.behave = () => {
      if (listener.run !== null) stopRun(listener.run, 'signal', 'the listener ends');
      return answers(accepted, true, 1_000);
    };
    expect(await sim.clock.run(listener.round())).toEqual([EXIT.terminated]);
    expect(messages.map((message) => scene.row(message)?.status)).toEqual(['sent', 'pending']);
    for (const { owner } of sim.leases.rows.values()) expect(owner).toBeNull();
  });
});

describe('killed', () => {
  it('a listener at any call: another takes the line over, and everyone gets it once', async () => {
    let deaths = 0;
    for (let call = 1; call < 70; call += 1) {
      const scene = new Scene(0);
      const { sim } = scene;
      const messages = [scene.reply(), scene.reply()];
      const life = new Life(call, call % 2 === 0);
      await sim.clock.run(Promise.race([scene.listener(life).round(), life.over]));
      deaths += life.alive ? 0 : 1;
      await sim.clock.run(scene.listener().toTheEnd());
      expect(messages.map((message) => scene.sends(message))).toEqual([1, 1]);
      expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
      scene.expectOnce();
    }
    expect(deaths).toBeGreaterThan(30);
  });

  it('a run at any call, in the middle of Message 2 and around it: what it left is taken up, once to each', async () => {
    let between = 0;
    for (let call = 20; call < 150; call += 1) {
      const scene = new Scene(6);
      const { sim } = scene;
      sim.provider.behave = (n) => (n % 3 === 0 ? answers(unknown('timeout'), n % 2 === 0, 500) : answers(accepted, true, 300));
      const life = new Life(call, call % 2 === 0);
      const reply = async () => {
        await scene.wait(4_000);
        const messages = [scene.reply(), scene.reply()];
        await scene.listener().round();
        return messages;
      };
      const [, messages] = await sim.clock.run(Promise.all([Promise.race([scene.run(life), life.over]), reply()]));
      between += !life.alive && messages.some((message) => scene.row(message)?.status === 'pending') ? 1 : 0;
      sim.provider.behave = () => answers(accepted);
      const [exitCode] = await sim.clock.run(Promise.all([scene.run(), scene.listener().toTheEnd()]));
      expect(exitCode, `call ${call}`).toBe(0);
      expect(
        messages.map((message) => scene.sends(message)),
        `call ${call}`,
      ).toEqual([1, 1]);
      expect(sim.provider.accepted).toHaveLength(8);
      expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
      scene.expectOnce();
    }
    expect(between).toBeGreaterThan(40);
  });

  it('the checkpoint wiped after a run was killed in the middle of Message 2: whom it may have sent to is looked up', async () => {
    for (let call = 40; call < 110; call += 1) {
      const scene = new Scene(6);
      const { sim } = scene;
      sim.provider.listedAfterMs = 3_000;
      const life = new Life(call, call % 2 === 0);
      const reply = async () => {
        await scene.wait(4_000);
        const messages = [scene.reply(), scene.reply(), scene.reply()];
        await scene.listener().round();
        return messages;
      };
      const [, messages] = await sim.clock.run(Promise.all([Promise.race([scene.run(life), life.over]), reply()]));
      sim.entries.wipe();
      const [exitCode] = await sim.clock.run(Promise.all([scene.run(), scene.listener().toTheEnd()]));
      expect([exitCode, ...messages.map((message) => scene.sends(message))], `call ${call}`).toEqual([0, 1, 1, 1]);
      scene.expectOnce();
    }
  });

  it('a listener that was suspended until a run has had its line sends nothing more', async () => {
    for (const where of ['send', 'write', 'answer']) {
      const scene = new Scene(10);
      const { sim } = scene;
      const messages = [scene.reply(), scene.reply(), scene.reply()];
      const life = new Life();
      let asleep = false;
      sim.provider.before = async (operation) => {
        if (operation !== where || asleep || sim.provider.starts.length < 1) return;
        asleep = true;
        const goOn = life.suspend();
        void scene.wait(3_600_000).then(goOn);
        await scene.wait(3_600_000);
      };
      const run = async () => {
        await scene.wait(30_000);
        return scene.run();
      };
      const suspended = scene.listener(life);
      const [codes, exitCode] = await sim.clock.run(Promise.all([suspended.round(), run()]));
      expect([codes, exitCode], where).toEqual([[EXIT.held], 0]);
      sim.dead.add(suspended.process.token);
      await sim.clock.run(scene.listener().toTheEnd());
      expect(
        messages.map((message) => scene.sends(message)),
        where,
      ).toEqual([1, 1, 1]);
      expect(sim.provider.accepted).toHaveLength(13);
      // A request that was on the way already arrives when the process goes on.
      if (where !== 'write') expect(Math.min(...gaps(sim))).toBeGreaterThanOrEqual(D);
      scene.expectOnce();
    }
  });

  it('whoever dies when, whatever the answers: Message 2 goes out once to each, and so does Message 1', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.boolean()), { maxLength: 3 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.boolean()), { maxLength: 3 }),
        fc.integer({ min: 2, max: 9 }),
        async (moments, listenerDeaths, runDeaths, lost) => {
          const scene = new Scene(12);
          const { sim } = scene;
          // No message is lost twice, so that none uses up its attempts.
          const lostOnce = new Set<string>();
          sim.provider.behave = (call, { reference }) => {
            if (call % lost !== 0 || lostOnce.has(reference)) return answers(accepted, true, 200);
            lostOnce.add(reference);
            return answers(unknown('timeout'), call % 2 === 0);
          };
          const begin = sim.clock.now();
          const campaign = async () => {
            for (const death of runDeaths) {
              const life = new Life(...death);
              await Promise.race([scene.run(life), life.over]);
              await scene.wait(1_000);
            }
            for (let tries = 0; (await scene.run()) !== 0; tries += 1) {
              if (tries > 20) throw new Error('the campaign does not end');
              await scene.wait(60_000);
            }
          };
          const replies = async () => {
            const listener = scene.listener();
            for (const [i, at] of [...moments].sort((a, b) => a - b).entries()) {
              await sim.clock.sleep(begin + at);
              scene.reply();
              const death = listenerDeaths[i];
              const life = death === undefined ? new Life() : new Life(...death);
              if (death === undefined) await listener.round();
              else await Promise.race([scene.listener(life).round(), life.over]);
            }
            await listener.toTheEnd();
          };
          await sim.clock.run(Promise.all([campaign(), replies()]));
          scene.expectOnce();
          expect(sim.provider.accepted).toHaveLength(12 + moments.length);
          expect(Math.min(...gaps(sim), D)).toBeGreaterThanOrEqual(D);
          expect(sim.kept().recipients.size).toBe(0);
          // Whoever was killed between the database and the note that it has them leaves the note to the next.
          for (const kept of scene.kept().recipients.values()) expect(kept.is).toBe('outcome');
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('Message 2 of one campaign on two lines', () => {
  it('ends well on each of them', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const [one, two] = [scene.reply(42, 'line-1'), scene.reply(42, 'line-2')];
    const codes = await sim.clock.run(scene.listener().round());
    expect([one, two].map((message) => scene.sends(message))).toEqual([1, 1]);
    expect(codes).toEqual([0, 0]);
    expect(scene.events.filter(({ type }) => type === 'paused')).toEqual([]);
    expect(scene.kept()).toMatchObject({ header: { finished: true }, counted: { sent: 2, failed: 0 } });
  });

  it('goes out on the line that the contact wrote to, also when a run on the other takes up what was left', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const [one, two] = [scene.reply(42, 'line-1'), scene.reply(42, 'line-2')];
    const life = new Life();
    sim.provider.before = async (operation) => {
      if (operation !== 'write') return;
      life.kill();
      await new Promise(() => undefined);
    };
    await sim.clock.run(Promise.race([scene.listener(life).round(), life.over]));
    sim.provider.before = async () => undefined;
    expect(scene.kept().claims.map(({ message }) => message)).toEqual([one]);
    const listener = scene.listener();
    const onLine2 = sendMessage2(
      listener.process.world,
      { campaign: 42, line: 'line-2' },
      { optOuts: new OptOutList(sim.optOuts), onRun: () => undefined },
    );
    await sim.clock.run(onLine2);
    await sim.clock.run(listener.toTheEnd());
    expect([one, two].map((message) => scene.sends(message))).toEqual([1, 1]);
    expect(sim.provider.accepted.map(({ reference, line }) => [idOf(reference), line]).sort()).toEqual([
      [one, 'line-1'],
      [two, 'line-2'],
    ]);
  });

  it('the checkpoint wiped: whoever was sent to on the one line is looked up, though the next run is on the other', async () => {
    const scene = new Scene(0);
    const { sim } = scene;
    const [one, two] = [scene.reply(42, 'line-1'), scene.reply(42, 'line-2')];
    const life = new Life();
    sim.provider.before = async (operation) => {
      if (operation === 'answer') life.kill();
    };
    await sim.clock.run(Promise.race([scene.listener(life).round(), life.over]));
    sim.provider.before = async () => undefined;
    sim.entries.wipe();
    const listener = scene.listener();
    const onLine2 = sendMessage2(
      listener.process.world,
      { campaign: 42, line: 'line-2' },
      { optOuts: new OptOutList(sim.optOuts), onRun: () => undefined },
    );
    await sim.clock.run(onLine2);
    await sim.clock.run(listener.toTheEnd());
    expect([one, two].map((message) => scene.sends(message))).toEqual([1, 1]);
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
