import { ASSUMED_ABSENT, ASSUMED_SENT } from '../core/note.ts';
import { formatCount } from '../core/units.ts';
import { move } from '../loop/account.ts';
import type { LeftInDoubt, Run } from '../loop/parts.ts';
import { settleReported } from '../loop/reported.ts';
import { putBack } from '../loop/settle.ts';

/** The operator's word on recipients whose outcome cannot be known: they got it, or they did not. */
export type Assumption = 'sent' | 'absent';

/**
 * Settles by the operator's word what the look-ups of this run left in doubt: `sent` records it, with a note that it was assumed; `absent` makes
 * it pending again, under the same reference. Recipients that could not be looked up because the provider did not answer, or refused the key, stay in doubt.
 */
export async function assumeInDoubt(run: Run, as: Assumption): Promise<void> {
  // What a report has told since is known, and nobody's word is needed.
  const left = await settleReported(run, run.lookUps.left.splice(0));
  const answered = left.filter((one) => one.answered);
  for (const one of answered) await (as === 'sent' ? assumeSent(run, one) : assumeAbsent(run, one));
  const silent = left.length - answered.length;
  if (silent > 0) {
    const text = `${formatCount(silent, 'recipient')} could not be looked up because the provider did not answer; nothing was assumed about them`;
    run.report.tell({ type: 'notice', level: 'warning', text });
  }
  const what =
    as === 'sent'
      ? 'assumed to be sent'
      : 'assumed not sent, and pending again: resume sends to them, and they may receive the message twice';
  run.report.tell({ type: 'notice', level: 'info', text: `${formatCount(answered.length, 'recipient')} in doubt ${what}` });
}

async function assumeSent(run: Run, one: LeftInDoubt): Promise<void> {
  const { claim } = one;
  const result = {
    kind: 'sent',
    message: claim.message,
    providerId: null,
    at: claim.at,
    attempts: claim.attempt,
    note: ASSUMED_SENT,
  } as const;
  await run.journal.write({ type: 'settle', result });
  run.outbox.add(result);
  move(run, one.message, 'sent');
  tellAssumed(run, one, 'sent');
}

async function assumeAbsent(run: Run, one: LeftInDoubt): Promise<void> {
  const at = run.clock.now();
  await putBack(run, one.message, at);
  run.outbox.add({ kind: 'marked', message: one.claim.message, note: ASSUMED_ABSENT, at, attempts: one.message.queued.attempts });
  tellAssumed(run, one, 'absent');
}

function tellAssumed(run: Run, { message, reason }: LeftInDoubt, as: Assumption): void {
  run.report.tell({ type: 'assumed', ...message.attempted, as, reason, progress: run.account.progress });
}
