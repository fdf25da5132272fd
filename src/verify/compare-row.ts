import type { Campaign } from '../core/campaign.ts';
import type { Claim } from '../core/checkpoint.ts';
import { toE164 } from '../core/phone.ts';
import { referenceOf } from '../core/reference.ts';
import type { Milliseconds } from '../core/units.ts';
import { compare, type LedgerStanding, type ListedMessage } from '../core/verdict.ts';
import { EXIT, InfrastructureError, UserError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { LedgerRow } from '../ports/database.ts';
import type { List } from '../ports/provider.ts';

/** Shares of the look-up time at which a difference is looked at again: it is not known how soon an accepted message is listed. */
const ASK_AT = [0, 0.3, 1];
/** A message that failed at the provider and was sent again has a reference of its own; more of them than a person retries. */
const MOST_REFERENCES = 10;

/** A row with what only the checkpoint knows of it. */
export interface OverlaidRow {
  row: LedgerRow;
  standing: LedgerStanding;
  providerId: string | null;
  /** The open claim, whose reference and number count: the row may have been changed since. */
  claim: Claim | null;
}

/** One recipient whose two sides differ, or that could not be compared. */
export interface Discrepancy {
  kind: 'missing' | 'extra' | 'unchecked';
  message: number;
  reference: string;
  /** E.164 where it is a number. */
  phone: string;
  standing: LedgerStanding;
  /** Messages that the provider has of it. */
  held: number;
  reason: string;
}

/** What comparing takes. */
export interface Comparing {
  campaign: Campaign;
  clock: Clock;
  lookupMs: Milliseconds;
  list: List;
  /** Ends every wait; what is asked then is rejected by `list`. */
  stop: AbortSignal;
}

/** Compares one recipient; null when both sides match. Rejects with UserError (exit code 4 or 1) when the provider refuses our key, or to say. */
export async function compareRow(comparing: Comparing, overlaid: OverlaidRow): Promise<Discrepancy | null> {
  const { row, standing, providerId, claim } = overlaid;
  const phone = claim?.phone ?? toE164(row.phone) ?? row.phone;
  const basis = { campaign: comparing.campaign.id, campaignCreatedAt: comparing.campaign.createdAt, message: row.message };
  const referenceAfter = (acceptedBefore: string | null) => referenceOf({ ...basis, phone, content: row.content, acceptedBefore });
  const references = [claim?.reference ?? referenceAfter(null)];
  if (standing !== 'sent' && providerId !== null) references.push(referenceAfter(providerId));

  const begin = comparing.clock.now();
  for (const share of ASK_AT) {
    await comparing.clock.sleep(begin + share * comparing.lookupMs, comparing.stop);
    const held = await heldUnder(comparing.list, { phone, references, referenceAfter });
    const verdict =
      'unclear' in held ? ({ kind: 'unchecked', reason: held.unclear } as const) : compare(standing, providerId, held.messages);
    if (verdict.kind === 'matching') return null;
    // An answer that cannot tell was asked for several times already.
    if (share < 1 && verdict.kind !== 'unchecked') continue;
    const reason = row.assumed ? `${verdict.reason}; it counts as sent by the operator's word` : verdict.reason;
    const count = 'messages' in held ? held.messages.length : 0;
    return { kind: verdict.kind, message: row.message, reference: references[0] as string, phone, standing, held: count, reason };
  }
  return null;
}

interface Names {
  phone: string;
  references: string[];
  referenceAfter: (acceptedBefore: string) => string;
}

/** All messages under some references, and under that of each attempt that came after one of them had failed at the provider. */
async function heldUnder(
  list: List,
  { phone, references, referenceAfter }: Names,
): Promise<{ messages: ListedMessage[] } | { unclear: string }> {
  const messages: ListedMessage[] = [];
  const wanted = new Set(references);
  for (const reference of wanted) {
    const answer = await list({ reference, phone });
    if (answer.kind === 'barred')
      throw new UserError(`the campaign cannot be verified: ${answer.reason}`, {
        exitCode: EXIT.barred,
        next: 'See the key and the plan at the provider.',
      });
    if (answer.kind === 'unclear' && answer.refused)
      throw cannotVerify(answer.reason, 'The provider answers and refuses: see the base URL, and what the key may read there.');
    if (answer.kind !== 'listed') return { unclear: answer.reason };
    messages.push(...answer.messages);
    for (const { failed, id, whatsappId } of answer.messages) {
      const acceptedAs = id ?? whatsappId;
      if (failed && acceptedAs !== null && wanted.size < MOST_REFERENCES) wanted.add(referenceAfter(acceptedAs));
    }
  }
  return { messages };
}

/** The error of a comparison that cannot go on. */
export function cannotVerify(reason: string, next: string): InfrastructureError {
  return new InfrastructureError(`the campaign cannot be verified: ${reason}`, next);
}
