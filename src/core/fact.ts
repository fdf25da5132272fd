import { createHash } from 'node:crypto';
import type { Delivery, Fact } from './incoming.ts';

/** What the repetitions of a fact have in common, and no other fact has: 64 hexadecimal digits, whatever the provider's ids look like. */
export function factKey(fact: Fact): string {
  return createHash('sha256')
    .update(JSON.stringify([fact.kind, ...partsOf(fact)]))
    .digest('hex');
}

/** The names that a delivery gives its message, at least one. */
export function idsOf({ ids }: Delivery): string[] {
  return [...new Set([ids.waId, ids.providerId].filter((id) => id !== null))];
}

function partsOf(fact: Fact): unknown[] {
  switch (fact.kind) {
    case 'delivery':
      // One that carries our reference says more than one that does not.
      return [fact.ids.waId ?? fact.ids.providerId, fact.state, ...(fact.reference === null ? [] : [fact.reference])];
    case 'reply':
      // Each change of it is a fact of its own.
      return fact.edited ? [fact.waId, fact.text] : [fact.waId];
    case 'reaction':
      // A reaction without an id of its own bears its target's, and the contact may change it.
      return [fact.waId, fact.phone ?? fact.aliases?.[0], fact.emoji];
  }
}
