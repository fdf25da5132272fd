import { timeLeft } from './core/estimate.ts';
import { type Milliseconds, SECOND } from './core/units.ts';
import { Bell } from './engine/bell.ts';
import { type Ending, finish, tellBroken } from './engine/finish.ts';
import { unlessHurried } from './engine/hurried.ts';
import { HEARTBEAT, keepingLocks } from './engine/keep-locks.ts';
import { breakRun, databaseFailed, type Run, type RunParts } from './engine/run.ts';
import { settleMarked } from './engine/settle-marked.ts';
import { type TakeUp, takeUp } from './engine/take-up.ts';
import { sendCampaign } from './send.ts';

/** How often those who watch are told how far it is. */
const TICK: Milliseconds = SECOND;

/** Those who may stop a run by a signal: they get it once it is under way, and are asked for the exit code afterwards. */
export interface Signals {
  onRun: (run: Run) => void;
  signalCode: () => number;
}

/**
 * One run of one campaign under its locks: takes it up, sends until everyone is settled or the run must stop, writes everything down, gives
 * the locks back and tells the summary. Never rejects: what broke it is in the ending.
 */
export async function runCampaign(parts: RunParts, take: TakeUp, { onRun, signalCode }: Signals): Promise<Ending> {
  let run: Run;
  try {
    run = await keepingLocks(take.checkpoint, parts.clock, () => takeUp(parts, take));
  } catch (cause) {
    return tellBroken(parts, take, cause);
  }
  onRun(run);
  const over = new Bell();
  let going = true;
  const watch = watchOver(run, over, () => going);
  const outbox = run.outbox.run().catch((cause) => databaseFailed(run, cause));

  await (run.sending ? sendCampaign(run) : settleMarked(run, take.assume));

  run.outbox.close({ broken: run.broken !== null });
  await unlessHurried(run, outbox).catch((cause) => databaseFailed(run, cause));
  run.outbox.abandon();
  await run.journal.flushed().catch((cause) => breakRun(run, cause));
  const ending = await finish(run, take, signalCode);
  going = false;
  over.ring();
  await watch;
  return ending;
}

/** Beside the sending: the heartbeat of the lock, and a tick for those who watch. */
async function watchOver(run: Run, over: Bell, going: () => boolean): Promise<void> {
  let beat = run.clock.now();
  while (going() && run.broken === null) {
    const now = run.clock.now();
    // A clock that was set back must not keep the lock without its heartbeat.
    if (now - beat >= HEARTBEAT || now < beat) {
      beat = now;
      run.journal.heartbeat().catch((cause) => breakRun(run, cause));
    }
    const left = timeLeft(Math.max(0, run.progress.pending - run.othersPending), run.pace, run.pacing, now);
    run.report.tell({ type: 'tick', campaign: run.campaign.id, progress: run.progress, delayMs: run.pace.delayMs, timeLeftMs: left });
    await over.wait(run.clock, now + TICK);
  }
}
