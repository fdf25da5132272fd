import type { Outcome } from './core/outcome.ts';
import { countedStart, started } from './core/pacing.ts';
import type { EpochMs, Milliseconds } from './core/units.ts';
import { namesOf, settleByLookUp } from './engine/doubt.ts';
import { type Addressed, address } from './engine/envelope.ts';
import { lendLine } from './engine/lend.ts';
import { restLine, rests } from './engine/line.ts';
import { readPage } from './engine/page.ts';
import type { Queued } from './engine/queue.ts';
import { beside, breakRun, mayLeave, maySend, type Run, stopRun } from './engine/run.ts';
import { putBack, refuse, settle, skip } from './engine/settle.ts';
import { LONGEST_LEAD, myTurn, PREPARING, pacingToKeep, startedAt } from './engine/turn.ts';
import type { Claim, Slot } from './ports.ts';

/** A call may begin this long after its claim; the lock that the claim was made under lives longer (LOCK_LIFE). */
export const CLAIM_GOOD_FOR: Milliseconds = 10_000;
/** Look-ups take no slot of the calls, so that the others go on meanwhile; but there may be only so many of them. */
const LOOK_UPS_PER_CALL = 4;

/**
 * Sends Message 1 to everyone who is pending, until nobody is left or the run must stop. Every round of the loop looks at everything anew,
 * so that what was learned while waiting counts. Never rejects: what breaks it is in `run.broken`.
 */
export async function sendCampaign(run: Run): Promise<void> {
  try {
    while (maySend(run) && (await sendNext(run)));
  } catch (cause) {
    breakRun(run, cause);
  }
  while (run.underWay.size > 0) await Promise.race(run.underWay);
}

/** One round: sends one message, or waits for what it needs. False when everyone has had theirs. */
async function sendNext(run: Run): Promise<boolean> {
  const now = run.clock.now();
  const next = run.queue.peek(now);
  if (next === 'empty' && run.underWay.size === 0) return readPage(run, () => run.queue.more());
  if (run.lineWanted) await lendLine(run);
  else if (next === 'unread') await readPage(run, () => run.queue.read());
  else if (next === 'empty') await run.bell.wait(run.clock);
  else if (run.limit !== null && run.starts >= run.limit) stopRun(run, 'limit', `--limit ${run.limit} reached`);
  else if (next !== 'ready') await run.bell.wait(run.clock, next.at);
  else if (run.calls >= run.current.concurrency || run.lookUps >= LOOK_UPS_PER_CALL * run.current.concurrency)
    await run.bell.wait(run.clock);
  else if (run.pace.delayMs > 0 && run.unwritten > 0) await run.bell.wait(run.clock);
  else if (run.outbox.congested(now)) await run.bell.wait(run.clock);
  else if (run.optOuts.isStale(now)) await readPage(run, () => run.optOuts.read(now));
  else {
    const turn = await myTurn(run, now);
    if (turn !== null) await sendMessage(run, run.queue.take(now), turn);
  }
  return true;
}

/**
 * The path of one message, from its turn to its outcome: claim, send, record, learn, tell. Returns once the call is under way, so that the
 * next turn is counted from it; the answer is dealt with beside the loop.
 */
async function sendMessage(run: Run, queued: Queued, turn: EpochMs): Promise<void> {
  const message = address(run, queued);
  // First of all: whatever has become of the row or the contact since, it may have been sent.
  if (queued.recipient.marked) return beside(run, settleByLookUp(run, message, null));
  if (run.optOuts.has(message.claim.phone)) return skip(run, message);
  // Left out once, and wanted again since: a run whose checkpoint is gone may have sent it, under the note that it was left out.
  if (queued.recipient.skipped) return beside(run, settleByLookUp(run, message, null));
  if (message.problem !== null) return refuse(run, message, message.problem);

  const claim: Claim = { ...message.claim, at: run.clock.now() };
  run.pacing = started(run.pacing, run.pace, countedStart(turn, Math.max(turn, claim.at)));
  const written = onceWritten(run);
  const durable = run.journal.write({ type: 'claim', claim }, pacingToKeep(run));
  if (run.pace.delayMs > 0) {
    await durable;
    run.claimLatency = Math.max(run.clock.now() - claim.at, run.claimLatency * 0.9);
    // The turn is that near, unless the clock was set back meanwhile.
    await run.clock.sleep(Math.min(turn - PREPARING, run.clock.now() + LONGEST_LEAD));
    if (!maySend(run) || rests(run)) {
      written();
      return putBack(run, message, run.clock.now());
    }
    startedAt(run, turn, run.clock.now());
  }
  run.starts += 1;
  run.calls += 1;
  beside(run, send(run, message, { claim, durable, turn, written }));
}

/** The call and its outcome. Nothing leaves before the claim is durable, and nothing once the run must stop or the line must rest. */
async function send(run: Run, message: Addressed, { claim, durable, turn, written }: Claimed): Promise<void> {
  let begin: EpochMs;
  let outcome: Outcome;
  try {
    await durable;
    begin = run.clock.now();
    const onStart = (at: EpochMs) => {
      begin = at;
      startedAt(run, turn, at);
      written();
    };
    const slot = { ...opening(run, turn), notAfter: claim.at + CLAIM_GOOD_FOR, onStart };
    // A claim from the future: the clock was set back, and nobody can tell how old it is.
    const mayCall = mayLeave(run) && !rests(run) && claim.at <= begin;
    outcome = mayCall ? await run.provider.send(message.outbound, slot) : STOPPED;
  } finally {
    written();
    run.calls -= 1;
    run.bell.ring();
  }

  const now = run.clock.now();
  const done = { message: claim.message, at: now, attempts: claim.attempt };
  switch (outcome.kind) {
    case 'accepted':
      return settle(run, message, { kind: 'sent', ...done, ...namesOf(outcome) }, now - begin);
    case 'rejected':
      return settle(run, message, { kind: 'failed', ...done, code: outcome.code, reason: outcome.reason, providerId: null }, now - begin);
    case 'barred':
      stopRun(run, 'barred', `${outcome.code}: ${outcome.reason}`);
      return putBack(run, message, now);
    case 'throttled':
    case 'unavailable':
      restLine(run, outcome);
      return putBack(run, message, now);
    case 'unknown':
      restLine(run, outcome);
      return settleByLookUp(run, message, { claim, outcome });
  }
}

/**
 * A call is written once its connection is ready, which may take seconds. Until then nobody else's turn comes, or those that wait for their
 * connections would all be written at once. Returns what is to be called when it is written, or will not be.
 */
function onceWritten(run: Run): () => void {
  let waits = true;
  run.unwritten += 1;
  return () => {
    if (!waits) return;
    waits = false;
    run.unwritten -= 1;
    if (run.pace.delayMs > 0) run.bell.ring();
  };
}

interface Claimed {
  claim: Claim;
  durable: Promise<void>;
  turn: EpochMs;
  written: () => void;
}

/** Its turn, when nothing leaves if the run must stop or the line must rest by then; at full speed it is now. */
function opening(run: Run, turn: EpochMs): Pick<Slot, 'opens'> {
  if (run.pace.delayMs === 0) return {};
  // The turn is that near, unless the clock was set back meanwhile.
  const at = Math.min(turn, run.clock.now() + LONGEST_LEAD);
  return { opens: run.clock.sleep(at).then(() => mayLeave(run) && !rests(run)) };
}

/** What became of a claim whose run had to stop, or whose line had to rest, before the call. */
const STOPPED = { kind: 'unavailable', code: 'late', reason: 'stopped before the call' } as const;
