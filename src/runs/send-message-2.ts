import type { Campaign } from '../core/campaign.ts';
import { campaignName, lineName } from '../core/checkpoint.ts';
import type { Event } from '../core/event.ts';
import { progressOf } from '../core/progress.ts';
import { EXIT, messageOf } from '../errors.ts';
import { LookUpSchedule } from '../listen/look-up-schedule.ts';
import { inBackground, maySend, stopRun } from '../loop/course.ts';
import type { OptOutList } from '../loop/opt-out-list.ts';
import type { Line, Run } from '../loop/parts.ts';
import { Persons } from '../loop/persons.ts';
import type { Report } from '../ports/event-sink.ts';
import { runCampaign } from '../run-campaign.ts';
import type { World } from '../world.ts';
import { campaignOf } from './campaign-of.ts';
import { policyReader } from './policy-reader.ts';
import { namesOf, tryLease, underLease } from './under-lease.ts';

/** Message 2 of one campaign, on one line. */
export interface Message2Wish {
  campaign: number;
  /** Device id; null or an empty text: the line of the configuration. */
  line: string | null;
}

/** How it is sent. */
interface Sending {
  /** Kept from one call to the next. */
  optOuts: OptOutList;
  /** Gets the run, to stop it. */
  onRun: (run: Run) => void;
  /** The line, where a run of this process holds it already, and what is called when that run may go on. */
  held?: { line: Line; onIdle: () => void };
}

/**
 * Sends what is pending of a campaign's Message 2 on one line, in a checkpoint of its own: the same claims, references, look-ups and doubts as for
 * Message 1. Where another run holds the line, that run is asked to send it. Resolves to the exit code: 7 when another holds the line or this
 * Message 2; nothing was sent here then, and it may be tried again.
 */
export async function sendMessage2(world: World, wish: Message2Wish, { optOuts, onRun, held }: Sending): Promise<number> {
  const data = await world.dataToWrite();
  const found = await campaignOf(data.campaigns, wish.campaign);
  if (found.cancelledAt !== null) return EXIT.done;
  const settings = (await world.view(found.id)).header?.settings ?? {};
  const config = world.config(world.purpose, settings);
  const wanted = wish.line ?? '';
  const isDefault = wanted === '' || wanted === config.provider.line;
  const provider = held?.line.provider ?? (await world.provider(config, isDefault ? undefined : wanted));
  const { campaigns, recipients, everyone } = data.message2(isDefault ? [provider.line, ''] : [wanted]);
  const report = await world.report();
  const processes = await world.processes();
  const owner = { ...processes.self(), purpose: `Message 2 of campaign ${found.id}`, brief: true };
  // Its checkpoint is done once everything is sent, whatever the campaign waits for.
  const campaign: Campaign = { ...found, message2: null };
  const stream = { campaign, type: 'message_2', recipients, provider, owner, line: held?.line ?? null } as const;

  const answer = await tryLease(world, { names: namesOf(stream), owner });
  if (!('lease' in answer)) {
    if (answer.name !== campaignName(campaign.id, 'message_2')) await (await world.leases()).ask(answer.name, 'message_2');
    return EXIT.held;
  }
  return underLease(world, answer.lease, stream, async ({ found, ...opened }) => {
    // It may have been cancelled until this moment.
    if ((await campaignOf(data.campaigns, campaign.id)).cancelledAt !== null) return EXIT.done;
    const progress = progressOf(await campaigns.tally(campaign.id), { inDoubt: found.doubts.length, unstoredSent: 0, unstoredFailed: 0 });
    const parts = {
      ...stream,
      ...opened,
      campaigns,
      clock: world.clock,
      report: onlyOutcomes(report, held === undefined),
      processes,
      limit: null,
      sending: true,
      optOuts,
      // Who has had a Message 2 gets no row of another: see reply.ts.
      persons: new Persons(),
      policy: policyReader(world, config, settings, report),
      everyone,
      sendMessage2: null,
      onIdle: held?.onIdle ?? null,
    };
    const ending = await runCampaign(parts, { found, progress, settings }, { onRun, signalCode: () => EXIT.terminated });
    if (ending.broken !== null) throw ending.broken;
    return ending.exitCode;
  });
}

/**
 * What a run of Message 1 does when Message 2 is due on its line: sends all that was never tried, of whichever campaign, and now and
 * then looks again at what was. Resolves once the line is free again; look-ups and answers are waited for beside the run.
 */
export function sendDueMessage2(world: World): (outer: Run) => Promise<void> {
  const lookAgain = new LookUpSchedule();
  return async (outer) => {
    const { line, optOuts, report, course } = outer;
    const follow = (inner: Run) => {
      const end = () => stopRun(inner, 'signal', 'the run that holds the line ends');
      if (course.over.signal.aborted) end();
      else course.over.signal.addEventListener('abort', end, { once: true, signal: inner.course.ended.signal });
    };
    // What breaks the run itself is met by the run itself; the listener asks again for the rest.
    const tell = (error: unknown) => report.tell({ type: 'notice', level: 'warning', text: `Message 2: ${messageOf(error)}` });
    const send = (wish: Message2Wish) =>
      new Promise<void>((onIdle) => {
        const sent = sendMessage2(world, wish, { optOuts, onRun: follow, held: { line, onIdle } });
        inBackground(outer, sent.then(() => undefined, tell).finally(onIdle));
      });
    try {
      const { replies } = await world.data();
      const own = world.config(world.purpose).provider.line;
      for (const wish of await replies.pendingMessage2()) {
        const isOurs = lineName(wish.line ?? own) === line.name;
        if (isOurs && maySend(outer) && lookAgain.isDue(String(wish.campaign), wish.fresh, world.clock.now())) await send(wish);
      }
    } catch (error) {
      tell(error);
    }
  };
}

/** A few are sent at a time: their plans, batches and summaries would be noise. The run that holds the line tells why both end. */
function onlyOutcomes(report: Report, isAlone: boolean): Report {
  return {
    tell: (event) => {
      if (isAlone ? TOLD.has(event.type) : TOLD_WITHIN.has(event.type)) report.tell(event);
    },
  };
}

const OUTCOMES: Event['type'][] = ['sent', 'failed', 'in_doubt', 'skipped', 'retry', 'notice'];
const TOLD: ReadonlySet<Event['type']> = new Set([...OUTCOMES, 'paused']);
const TOLD_WITHIN: ReadonlySet<Event['type']> = new Set([...OUTCOMES, 'rest', 'go_on']);
