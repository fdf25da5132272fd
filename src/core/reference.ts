import { createHash } from 'node:crypto';
import type { EpochMs } from './units.ts';

/** What the database holds of a message, and so what survives the loss of everything else. */
export interface ReferenceBasis {
  campaign: number;
  /** When the campaign was created, or null where the database does not say. Compared to the second: databases keep different fractions. */
  campaignCreatedAt: EpochMs | null;
  /** Id of the row in `messages`. */
  message: number;
  phone: string;
  content: string;
  /** The id under which the provider accepted this row before and then failed it; null for a first send. */
  acceptedBefore: string | null;
}

/**
 * Our name for one message, `wsend-<campaign>-<message row id>-<tag>`, the same each time it is computed from the same database.
 * The tag (8 characters of base 32, 40 bits) keeps it apart from the same row number in another or a recreated database on the same
 * provider account. A deliberate retry of what the provider accepted and then failed gets a tag of its own, so that the look-up of the
 * second attempt never finds the first.
 */
export function referenceOf(basis: ReferenceBasis): string {
  const created = basis.campaignCreatedAt === null ? '' : String(Math.floor(basis.campaignCreatedAt / 1_000));
  const text = JSON.stringify([created, basis.phone, basis.content, basis.acceptedBefore ?? '']);
  const hash = createHash('sha256').update(text).digest();
  let tag = '';
  for (const byte of hash.subarray(0, 8)) tag += ALPHABET[byte % 32];
  return `wsend-${basis.campaign}-${basis.message}-${tag}`;
}

/** The campaign and the row that a reference claims to be of; null for what is none of ours. Only recomputing it proves the claim. */
export function readReference(reference: string): { campaign: number; message: number } | null {
  const [, campaign, message] = /^wsend-(-?\d{1,15})-(-?\d{1,15})-[0-9a-z]{8}$/.exec(reference) ?? [];
  return message === undefined ? null : { campaign: Number(campaign), message: Number(message) };
}

/** Digits and letters without i, l, o and u: nothing to misread when a reference is dictated. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
