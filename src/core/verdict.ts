/** One message that the provider holds under a reference of ours, as far as a comparison needs it. */
export interface ListedMessage {
  id: string | null;
  whatsappId: string | null;
  /** It was accepted and then failed at the provider. */
  failed: boolean;
}

/** How our ledger has a recipient: in the database, or beyond it in the checkpoint. */
export type LedgerStanding = 'pending' | 'sent' | 'failed' | 'in_doubt' | 'other';

/** What a comparison of one recipient comes to. */
export type Verdict =
  | { kind: 'matching' }
  /** We say sent, and the provider has none. */
  | { kind: 'missing'; reason: string }
  /** The provider has one that we do not say was sent, or has it more than once. */
  | { kind: 'extra'; reason: string };

/**
 * Compares what we say of one recipient with all messages that the provider holds under its references. One that was accepted and then failed
 * at the provider was never delivered: it makes a recipient who counts as sent match (the acceptance is what we say), and is no extra one.
 */
export function compare(standing: LedgerStanding, providerId: string | null, held: ListedMessage[]): Verdict {
  const live = held.filter(({ failed }) => !failed);
  if (live.length > 1) return { kind: 'extra', reason: `the provider has it ${live.length} times` };
  if (standing !== 'sent') {
    return live.length === 0 ? { kind: 'matching' } : { kind: 'extra', reason: `the provider has it, and we say ${WORDS[standing]}` };
  }
  const isHeld = live.length === 1 || held.some((one) => providerId === null || one.id === providerId || one.whatsappId === providerId);
  return isHeld ? { kind: 'matching' } : { kind: 'missing', reason: 'we say sent, and the provider has none' };
}

const WORDS: Record<Exclude<LedgerStanding, 'sent'>, string> = {
  pending: 'pending',
  failed: 'failed',
  in_doubt: 'in doubt',
  other: 'something else',
};
