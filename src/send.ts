import { CLAIM_GOOD_FOR, type Claim } from './core/checkpoint.ts';
import { remember } from './core/list-knowledge.ts';
import type { Outcome } from './core/outcome.ts';
import type { EpochMs } from './core/units.ts';
import { type Deferred, deferred } from './deferred.ts';
import { askBeside } from './loop/ask-line.ts';
import { breakRun, confirmLeases, inBackground, mayLeave, maySend, stopRun, sureUntil } from './loop/course.ts';
import { namesOf, settleByLookUp } from './loop/doubt.ts';
import { noteAnswer, restLine, rests, sendMessage2First } from './loop/line.ts';
import type { PreparedMessage, Run } from './loop/parts.ts';
import { prepareMessage } from './loop/prepare-message.ts';
import type { Queued } from './loop/queue.ts';
import { readPatiently } from './loop/read-patiently.ts';
import { settleReported } from './loop/reported.ts';
import { putBack, refuse, settle, skip } from './loop/settle.ts';
import { myTurn, startedAt, takeTurn } from './loop/turn.ts';

/** Look-ups take no slot of the calls, so that the others go on meanwhile; but there may be only so many of them. */
const LOOK_UPS_PER_CALL = 4;

/**
 * Sends Message 1 to everyone who is pending, until no recipient is left or the run must stop. Every round of the loop looks at everything again,
 * so that what was learned while waiting counts. Never rejects: what breaks it is in `run.course.broken`.
 */
export async function sendCampaign(run: Run): Promise<void> {
  const { underWay } = run.course;
  try {
    while (maySend(run) && (await sendNext(run)));
  } catch (cause) {
    breakRun(run, cause);
  }
  run.onIdle?.();
  while (underWay.size > 0) await Promise.race(underWay);
}

/** One round: sends one message, or waits for what it needs. False when everyone has had theirs. */
async function sendNext(run: Run): Promise<boolean> {
  const { queue, line, batches, lookUps, outbox, optOuts, clock } = run;
  const { concurrency } = batches.policy;
  const now = clock.now();
  const next = queue.peek(now);
  const isReady = next === 'ready' || next === 'unread';
  if (run.onIdle !== null && !isReady) return false;
  if (next === 'empty' && run.course.underWay.size === 0) return readPatiently(run, () => queue.more());
  if (line.message2Due) await sendMessage2First(run);
  else if (next === 'unread') await readPatiently(run, () => queue.read());
  else if (next === 'empty') await line.bell.wait(clock);
  else if (run.limit !== null && batches.starts >= run.limit) stopRun(run, 'limit', `--limit ${run.limit} reached`);
  else if (next !== 'ready') await line.bell.wait(clock, next.at);
  else if (line.calls >= concurrency || lookUps.underWay >= LOOK_UPS_PER_CALL * concurrency) await line.bell.wait(clock);
  else if (outbox.congested(now)) await line.bell.wait(clock);
  else if (sureUntil(run) <= now) await readPatiently(run, () => confirmLeases(run));
  else if (optOuts.isStale(now)) await readPatiently(run, () => optOuts.read(now));
  else if (await myTurn(run, now)) await sendMessage(run, queue.take(now));
  return true;
}

/**
 * The path of one message, from its turn to its outcome: claim, send, record, learn, tell. Returns once its request is written (at full speed: at
 * once), so that the next turn is counted from it; the answer is dealt with beside the loop.
 */
async function sendMessage(run: Run, queued: Queued): Promise<void> {
  const message = prepareMessage(run, queued);
  // A report may have said meanwhile that it was accepted after all.
  if (queued.again && !(await isStillOpen(run, message))) return;
  // First of all: whatever has become of the row or the contact since, it may have been sent.
  if (queued.recipient.marked) return inBackground(run, settleByLookUp(run, message, null));
  if (run.optOuts.has(message.claim.phone)) return skip(run, message);
  // Left out once, and wanted again since: a run whose checkpoint is gone may have sent it, under the note that it was left out.
  if (queued.recipient.skipped) return inBackground(run, settleByLookUp(run, message, null));
  if (message.problem !== null) return refuse(run, message, message.problem);

  const claim: Claim = { ...message.claim, at: run.clock.now() };
  const written = run.batches.pace.delayMs > 0 ? deferred() : null;
  takeTurn(run, claim.at);
  inBackground(run, send(run, message, claim, written));
  await written?.promise;
}

/** False once it is settled, and when the run stops before the database says whether it is. */
async function isStillOpen(run: Run, message: PreparedMessage): Promise<boolean> {
  return readPatiently(run, async () => (await settleReported(run, [{ message }])).length > 0);
}

/** The claim, the call and its outcome. The call is prepared meanwhile; nothing leaves before the claim is durable. */
async function send(run: Run, message: PreparedMessage, claim: Claim, written: Deferred | null): Promise<void> {
  let begin = claim.at;
  let outcome: Outcome;
  try {
    const durable = run.journal.write({ type: 'claim', claim });
    const onStart = (at: EpochMs) => {
      begin = at;
      startedAt(run, at);
      written?.resolve();
    };
    const notAfter = Math.min(claim.at + CLAIM_GOOD_FOR, sureUntil(run));
    const opens = durable.then(
      () => mayCall(run, claim),
      () => false,
    );
    const { provider } = run.line;
    // At full speed there is always another call to prepare meanwhile.
    if (written !== null) outcome = await provider.send(message.outbound, { opens, notAfter, onStart });
    else outcome = (await opens) ? await provider.send(message.outbound, { notAfter, onStart }) : NOT_CALLED;
    await durable;
  } finally {
    written?.resolve();
    run.line.calls -= 1;
    run.line.bell.wake();
  }

  const now = run.clock.now();
  const done = { message: claim.message, at: now, attempts: claim.attempt };
  noteAnswer(run, outcome);
  switch (outcome.kind) {
    case 'accepted':
      remember(run.line.list, { reference: claim.reference, phone: claim.phone, line: claim.line, at: claim.at });
      // It counts as sent when it was claimed: whoever tells by it later how late the list is must not take a late answer for a late message.
      return settle(
        run,
        message,
        { kind: 'sent', ...done, at: claim.at, ...namesOf(outcome), line: claim.line },
        { latencyMs: now - begin },
      );
    case 'rejected':
      return settle(
        run,
        message,
        { kind: 'failed', ...done, code: outcome.code, reason: outcome.reason, providerId: null },
        { latencyMs: now - begin },
      );
    case 'barred':
      stopRun(run, 'barred', `${outcome.code}: ${outcome.reason}`);
      return putBack(run, message, now);
    case 'throttled':
    case 'unavailable':
      restLine(run, outcome);
      return putBack(run, message, now);
    case 'unknown':
      restLine(run, outcome);
      askBeside(run);
      return settleByLookUp(run, message, { claim, outcome });
  }
}

/** What became of a claim whose run had to stop, or whose line had to rest, before the call. */
const NOT_CALLED = { kind: 'unavailable', code: 'late', reason: 'stopped before the call' } as const;

/** Nothing leaves once the run must stop, the line must rest, or the leases are not certainly ours. A claim from the future: the clock was set back, and its age is unknown. */
function mayCall(run: Run, claim: Claim): boolean {
  const now = run.clock.now();
  return mayLeave(run) && !rests(run) && claim.at <= now && now < sureUntil(run);
}
