import { timeLeft } from './core/eta.ts';
import { type Milliseconds, SECOND } from './core/units.ts';
import { ownPending } from './loop/account.ts';
import { breakRun } from './loop/course.ts';
import type { Run, RunParts } from './loop/parts.ts';
import { settleDoubts } from './loop/reported.ts';
import { unlessStopping } from './loop/stop-deadline.ts';
import { WakeSignal } from './loop/wake-signal.ts';
import { failDuplicates } from './runs/duplicates.ts';
import { type Ending, finish, tellBroken } from './runs/finish.ts';
import { settleMarked } from './runs/settle-marked.ts';
import { type RunStart, startRun } from './runs/start-run.ts';
import { sendCampaign } from './send.ts';

/** How often those who watch are told how far it is. */
const TICK: Milliseconds = SECOND;

/** Signal handling: receives the run once it has started, and supplies the exit code afterwards. */
export interface Signals {
  onRun: (run: Run) => void;
  signalCode: () => number;
}

/**
 * One run of one campaign under its leases: takes it up, sends until everyone is settled or the run must stop, writes everything down, and tells
 * the summary. Never rejects: what broke it is in the ending.
 */
export async function runCampaign(parts: RunParts, take: RunStart, { onRun, signalCode }: Signals): Promise<Ending> {
  const startedAt = parts.clock.now();
  let run: Run;
  try {
    run = await startRun(parts, take, startedAt);
  } catch (cause) {
    return tellBroken(parts, take, { broken: cause, startedAt });
  }
  const { course, outbox, journal } = run;
  onRun(run);
  const over = new WakeSignal();
  let going = true;
  const ticking = tick(run, over, () => going);
  const writing = outbox.run().catch((cause) => breakRun(run, cause));

  if (run.sending) await failDuplicates(run, take.duplicates ?? []).catch((cause) => breakRun(run, cause));
  await (run.sending ? sendCampaign(run) : settleMarked(run, take.assume));
  if (course.broken === null) await settleDoubts(run).catch((cause) => breakRun(run, cause));

  outbox.close({ broken: course.broken !== null });
  await unlessStopping(run, writing).catch((cause) => breakRun(run, cause));
  outbox.abandon();
  await journal.flushed().catch((cause) => breakRun(run, cause));
  const ending = await finish(run, take, signalCode);
  going = false;
  over.wake();
  await ticking;
  return ending;
}

/** Beside the sending: how far it is, for those who watch. */
async function tick(run: Run, over: WakeSignal, going: () => boolean): Promise<void> {
  const { clock, report, campaign, account, line, batches } = run;
  while (going() && run.course.broken === null) {
    const now = clock.now();
    const timeLeftMs = timeLeft(ownPending(account), batches.pace, line.pacing, now);
    report.tell({ type: 'tick', campaign: campaign.id, progress: account.progress, delayMs: batches.pace.delayMs, timeLeftMs });
    await over.wait(clock, now + TICK);
  }
}
