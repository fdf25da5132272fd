import type { Claim } from '../core/checkpoint.ts';
import type { Control } from '../core/list-knowledge.ts';
import { DUPLICATE } from '../core/person.ts';
import { toE164 } from '../core/phone.ts';
import { referenceOf } from '../core/reference.ts';
import { textProblem } from '../core/text.ts';
import type { AcceptedRow } from '../ports/campaign-store.ts';
import type { PreparedMessage, Problem, RunParts } from './parts.ts';
import type { Queued } from './queue.ts';

/** Makes the next attempt's reference and claim of what the database holds. */
export function prepareMessage(run: RunParts, queued: Queued): PreparedMessage {
  const { message, phone: stored, content, acceptedBefore } = queued.recipient;
  const phone = toE164(stored);
  const campaign = run.campaign.id;
  const reference = referenceOf({
    campaign,
    campaignCreatedAt: run.campaign.createdAt,
    message,
    phone: phone ?? stored,
    content,
    acceptedBefore,
  });
  return envelope(
    run,
    queued,
    { message, reference, phone: phone ?? stored, line: run.line.provider.line, attempt: queued.attempts + 1, owner: run.owner },
    queued.recipient.skipped ? 'skipped' : 'pending',
    problemOf(phone, content, { message, persons: run.persons }),
  );
}

/** What the database has as accepted, as the list of the provider must show it. */
export function controlOf({ at, phone: stored, ...row }: AcceptedRow): Control {
  const phone = toE164(stored) ?? stored;
  return { reference: referenceOf({ ...row, phone, acceptedBefore: null }), phone, line: null, at };
}

/** The same for a claim that an earlier run left behind: under the reference, number and line that it was made with. */
export function prepareAgain(run: RunParts, queued: Queued, claim: Claim, standing: PreparedMessage['standing']): PreparedMessage {
  return envelope(run, queued, claim, standing, null);
}

function envelope(
  run: RunParts,
  queued: Queued,
  claim: Omit<Claim, 'at'>,
  standing: PreparedMessage['standing'],
  problem: Problem | null,
): PreparedMessage {
  const { message, reference, phone, attempt } = claim;
  return {
    queued,
    problem,
    standing,
    claim,
    outbound: { reference, phone, content: queued.recipient.content },
    attempted: { campaign: run.campaign.id, message, reference, phone, attempt },
  };
}

function problemOf(
  phone: string | undefined,
  content: string,
  { message, persons }: { message: number; persons: RunParts['persons'] },
): Problem | null {
  if (phone === undefined) return { code: 'phone:invalid', reason: 'the number in the database is not a phone number' };
  if (persons.messageFor(phone, message) !== message)
    return { code: DUPLICATE, reason: 'another message of this campaign is for the same person' };
  const problem = textProblem(content);
  return problem === null ? null : { code: 'message:invalid', reason: problem };
}
