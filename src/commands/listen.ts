import { missing } from '../config.ts';
import { afterReports } from '../core/checkpoint.ts';
import type { StrangeEvent } from '../core/incoming.ts';
import type { EpochMs } from '../core/units.ts';
import { MINUTE, type Milliseconds, SECOND } from '../core/units.ts';
import { EXIT, messageOf, UsageError, UserError } from '../errors.ts';
import { ActivitySummary } from '../listen/activity-summary.ts';
import { LookUpSchedule } from '../listen/look-up-schedule.ts';
import { poll as pollProvider } from '../listen/poll.ts';
import { makeReceiver } from '../listen/receiver.ts';
import { Worker } from '../listen/worker.ts';
import { stopRun } from '../loop/course.ts';
import { OptOutList } from '../loop/opt-out-list.ts';
import type { Run } from '../loop/parts.ts';
import type { Options } from '../options.ts';
import type { StopSignal } from '../outside.ts';
import type { CountersMoved, ListenMetrics } from '../ports/inbox.ts';
import { readPort } from '../runs/arguments.ts';
import { completeCampaigns } from '../runs/complete.ts';
import { adjust } from '../runs/under-lease.ts';
import type { World } from '../world.ts';

export type ListenOptions = Required<Pick<Options, 'port' | 'host'>> & Pick<Options, 'poll'>;

/** How often pending Message 2 are looked for although none was made here: another listener may have been killed after making one. */
const LOOK_EVERY: Milliseconds = 30 * SECOND;
/** The wait for a line that another run has. */
const LINE_AGAIN_AFTER: Milliseconds = 5 * SECOND;
/** How often campaigns are looked at whose replies may be over. */
const COMPLETE_EVERY: Milliseconds = 5 * MINUTE;
/** How often there is a line about what came. */
const TELL_EVERY: Milliseconds = 10 * SECOND;

const EXIT_OF: Record<StopSignal, number> = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup };

/** `wsend listen`: takes what the provider reports, works it off and sends Message 2, until it is stopped. */
export async function listen(world: World, { port, host, poll = false }: ListenOptions): Promise<number> {
  const [lacks] = world.config('look').webhook.missing;
  if (!poll && lacks !== undefined) throw new UsageError(missing(lacks), `${lacks.about} Or use --poll to ask the provider instead.`);
  const { clock, show } = world;
  const watcher = poll ? await world.watcher(world.config('send')) : null;
  if (poll && watcher === null)
    throw new UsageError(
      `${world.providerName()} cannot be asked for replies and reports: --poll has nothing to ask`,
      'Run wsend listen without --poll, and let the provider call it.',
    );
  const inbox = await world.inbox();
  const metrics = await world.metrics(inbox);
  const stop = stopping(world);
  const tidings = new ActivitySummary();
  // What the wait for the next Message 2 is cut short by.
  let wake = new AbortController();
  let moving = Promise.resolve();
  const worker = new Worker(inbox, clock, {
    worked(round) {
      for (const by of round.moved) moving = moving.then(() => moveCounters(world, by)).catch((error) => show.aside(messageOf(error)));
      tidings.add(round);
      for (const { kind, result } of round.results) metrics.event(kind, result);
      metrics.message2('made', round.message2.pending);
      metrics.message2('unwritable', round.message2.failed);
      if (round.message2.pending > 0) wake.abort();
    },
    trouble: (reason) =>
      show.aside(`The inbox cannot be processed now: ${reason}. New reports are refused, and the provider sends them again.`),
    wellAgain: () => show.aside('The inbox is processed again.'),
  });
  const intake = makeReceiver(inbox, clock, {
    taken: () => worker.ring(),
    trouble: (reason) => show.aside(`New reports cannot be stored: ${reason}. They are refused, and the provider sends them again.`),
  });
  const web = await world.listen({
    host,
    port: readPort(port),
    webhook: lacks === undefined,
    metrics,
    take: (facts) => intake.take(facts),
    strange: (event) => tidings.notUnderstood(event),
    // Anybody may read it. Why, with hosts and names, is said on stderr.
    health: async () => {
      const answers = await inbox.depth().then(
        () => true,
        () => false,
      );
      return [
        ...(answers ? [] : ['the database does not answer']),
        ...(intake.trouble() === null ? [] : ['new reports cannot be stored']),
        ...(worker.trouble === null ? [] : ['the inbox is not processed']),
      ];
    },
  });
  show.result(
    { type: 'listening', url: web.url, webhook: web.webhook !== null, poll },
    `Listening on ${web.url}${web.webhook === null ? '' : `, for the provider under ${web.webhook}`}. Ctrl-C ends it.\n`,
  );

  const lookAgain = new LookUpSchedule();
  const optOuts = new OptOutList((await world.data()).optOuts);
  stop.signal.addEventListener('abort', () => wake.abort(), { once: true });
  const sending = async () => {
    while (!stop.signal.aborted) {
      wake = new AbortController();
      const held = await sendPending(world, { metrics, lookAgain, optOuts, stop: stop.signal });
      if (!stop.signal.aborted) await clock.sleep(clock.now() + (held ? LINE_AGAIN_AFTER : LOOK_EVERY), wake.signal);
    }
  };
  await Promise.all([
    worker.run(stop.signal),
    sending(),
    every(world, COMPLETE_EVERY, stop.signal, async () => {
      for (const id of await completeCampaigns(world)) show.aside(`Campaign ${id} is completed: its replies are over.`);
    }),
    every(world, TELL_EVERY, stop.signal, async () => tidings.tell(show)),
    watcher === null
      ? null
      : pollProvider(
          {
            clock,
            watcher,
            replies: (await world.data()).replies,
            intake,
            trouble: (reason) => show.aside(reason),
            strange: onceEach(({ event, reason }) =>
              show.aside(`A chat holds a message that wsend cannot read; it is left out (${event}: ${reason}).`),
            ),
          },
          stop.signal,
        ),
    stop.done.then(() => web.close()),
  ]);
  await moving;
  tidings.tell(show);
  stop.end();
  return stop.exitCode();
}

/** The same is in a chat with every sweep, and told once. */
function onceEach(tell: (event: StrangeEvent) => void): (event: StrangeEvent) => void {
  const told = new Set<string>();
  return (event) => {
    const key = `${event.event} ${event.reason}`;
    if (!told.has(key)) tell(event);
    told.add(key);
  };
}

/**
 * What had been accepted and failed is told to the checkpoint, too, whose counters other programs read, and so is whom a report has settled who was
 * claimed or in doubt there; a run that holds it finds both by itself.
 */
async function moveCounters(world: World, { campaign, type, ...by }: CountersMoved): Promise<void> {
  await adjust(world, { campaign, type }, (kept) => afterReports(kept, by));
}

/** Sends every pending Message 2, lines side by side. A campaign that cannot be sent now does not block the others; true when another run has a line. */
async function sendPending(
  world: World,
  { metrics, lookAgain, ...sending }: { metrics: ListenMetrics; lookAgain: LookUpSchedule } & Sending,
): Promise<boolean> {
  const { stop } = sending;
  const { replies } = await world.data();
  const pending = await replies.pendingMessage2().catch(() => []);
  const lines = new Map<string, number[]>();
  for (const { campaign, line, fresh } of pending)
    if (lookAgain.isDue(`${campaign} ${line}`, fresh, world.clock.now()))
      lines.set(line ?? '', [...(lines.get(line ?? '') ?? []), campaign]);
  let held = false;
  const sendOn = async (line: string, campaigns: number[]) => {
    for (const campaign of campaigns) {
      if (stop.aborted) return;
      const exitCode = await sendOne(world, { campaign, line }, sending);
      metrics.message2(exitCode === EXIT.done ? 'ended_well' : 'ended_badly', 1);
      held ||= exitCode === EXIT.held;
    }
  };
  await Promise.all([...lines].map(([line, campaigns]) => sendOn(line, campaigns)));
  return held;
}

/** What one round hands to the next. */
interface Sending {
  optOuts: OptOutList;
  stop: AbortSignal;
}

async function sendOne(world: World, wish: { campaign: number; line: string }, { optOuts, stop }: Sending): Promise<number> {
  const over = new AbortController();
  try {
    const { sendMessage2 } = await import('../runs/send-message-2.ts');
    const onRun = (run: Run) => {
      const end = () => stopRun(run, 'signal', 'the listener ends');
      if (stop.aborted) end();
      else stop.addEventListener('abort', end, { once: true, signal: over.signal });
    };
    return await sendMessage2(world, wish, { optOuts, onRun });
  } catch (error) {
    world.show.aside(`Message 2 of campaign ${wish.campaign}: ${messageOf(error)}`);
    return error instanceof UserError ? error.exitCode : EXIT.bug;
  } finally {
    over.abort();
  }
}

/** Does something again and again, also at the start; an error is reported, and it continues. */
async function every({ clock, show }: World, pause: Milliseconds, stop: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (let next: EpochMs = clock.now(); !stop.aborted; next = clock.now() + pause) {
    await clock.sleep(next, stop);
    if (stop.aborted) return;
    try {
      await work();
    } catch (error) {
      show.aside(messageOf(error));
    }
  }
}

/** The first signal stops it: what it has taken is answered and worked off to the end of the round. The second leaves at once. */
function stopping({ outside, leave }: World) {
  const stop = new AbortController();
  let exitCode: number = EXIT.done;
  let told!: () => void;
  const done = new Promise<void>((resolve) => {
    told = resolve;
  });
  const end = outside.onSignal((signal) => {
    if (stop.signal.aborted) return leave(exitCode);
    exitCode = EXIT_OF[signal];
    stop.abort();
    told();
  });
  return { signal: stop.signal, done, end, exitCode: () => exitCode };
}
