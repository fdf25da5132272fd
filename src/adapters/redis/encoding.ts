import type { MessageType } from '../../core/campaign.ts';
import { InfrastructureError } from '../../errors.ts';
import { type Change, type Claim, type Doubt, NOBODY, type Owner, type Retry, type Settled } from '../../ports.ts';
import type { Stream } from './keys.ts';

/** What both locks of a run hold: the owner, and what it holds them for. The same owner always gives the same text. */
export function encodeLock(owner: Owner, { campaign, type }: Stream, line: string): string {
  return JSON.stringify({ ...plainOwner(owner), campaign, line, ...(type === 'message_1' ? {} : { type }) });
}

export function decodeLock(text: string): { owner: Owner } & Stream {
  const { campaign, type = 'message_1', ...owner } = decode<Owner & { campaign: number; type?: MessageType }>(text);
  return { owner: plainOwner(owner), campaign, type };
}

export function encodeOwner(owner: Owner): string {
  return JSON.stringify(plainOwner(owner));
}

/** Claims and doubts name their owner by its token, because a run makes thousands of them. */
function encodeClaim(claim: Claim): string {
  return JSON.stringify({ ...claim, owner: claim.owner.token });
}

/** An outcome behind one letter, `s` or `f`, by which scripts count. */
function encodeOutcome(result: Settled): string {
  return (result.kind === 'sent' ? 's' : 'f') + JSON.stringify(result);
}

/** Flat arguments of the commit script: kind, message, what is kept of it, for each change. */
export function encodeChanges(changes: Change[]): string[] {
  const args: string[] = [];
  for (const change of changes) {
    if (change.type === 'claim') args.push('c', `${change.claim.message}`, encodeClaim(change.claim));
    else if (change.type === 'doubt') args.push('d', `${change.doubt.message}`, encodeClaim(change.doubt));
    else if (change.type === 'retry') args.push('r', `${change.retry.message}`, JSON.stringify(change.retry));
    else if (change.type === 'forget') args.push('x', `${change.message}`, '');
    else if (change.type === 'stored') for (const message of change.messages) args.push('o', `${message}`, '');
    else args.push(change.result.kind === 'sent' ? 's' : 'f', `${change.result.message}`, encodeOutcome(change.result));
  }
  return args;
}

/** True when these changes need room in Redis; what only frees some is let through even when Redis is full. */
export function grows(changes: Change[]): boolean {
  return changes.some(({ type }) => type !== 'forget' && type !== 'stored');
}

/** The hashes of a campaign, as HGETALL lists them (field, value, field, value), in order of message id. */
export function decodeHashes(claims: string[], outcomes: string[], doubts: string[], retries: string[], owners: string[]) {
  const known = new Map<string, Owner>();
  for (let i = 0; i < owners.length; i += 2) known.set(owners[i] as string, decode<Owner>(owners[i + 1] as string));
  const claim = <T extends Claim>(text: string): T => {
    const { owner, ...rest } = decode<T & { owner: string }>(text);
    return { ...rest, owner: known.get(owner) ?? { ...NOBODY, token: owner } } as unknown as T;
  };
  return {
    claims: values(claims, (text) => claim<Claim>(text)),
    outcomes: values(outcomes, (text) => decode<Settled>(text.slice(1))),
    doubts: values(doubts, (text) => claim<Doubt>(text)),
    retries: values(retries, (text) => decode<Retry>(text)),
    owners: [...known.keys()],
  };
}

/** JSON that we wrote. InfrastructureError when it is not. */
export function decode<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new InfrastructureError(
      'the checkpoint in Redis holds something that wsend did not write',
      'Give wsend a database of its own.',
      cause,
    );
  }
}

function plainOwner({ token, host, machine, boot, namespace, pid, startedAt, birth }: Owner): Owner {
  return { token, host, machine, boot, namespace, pid, startedAt, birth };
}

function values<T extends { message: number }>(hash: string[], read: (text: string) => T): T[] {
  return hash
    .filter((_, i) => i % 2 === 1)
    .map(read)
    .sort((a, b) => a.message - b.message);
}
