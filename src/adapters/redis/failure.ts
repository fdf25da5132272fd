import { ReplyError } from 'ioredis';
import { CheckpointUnreachable, messageOf, UsageError } from '../../errors.ts';

/**
 * What a person reads about an error from Redis at `place` (`host:port`): UsageError where REDIS_URL is wrong, else CheckpointUnreachable.
 * `trouble` is what the connection last failed with: it says more than the time-out that it led to.
 */
export function failureOf(error: unknown, place: string, trouble: Error | undefined): UsageError | CheckpointUnreachable {
  forgetCommand(error);
  const said = messageOf(error).replace(/ ?script: .*$/, '');
  const known = ANSWERS.find(({ answer }) => answer.test(said));
  if (known) return new known.kind(`Redis at ${place} ${known.says}`, known.next, error);
  if (error instanceof ReplyError) {
    return new CheckpointUnreachable(`Redis at ${place} refuses: ${said}`, undefined, error);
  }
  const next = 'Start it, or correct REDIS_URL. What was sent is kept.';
  return new CheckpointUnreachable(`Redis at ${place} does not answer: ${silence(said, trouble)}`, next, error);
}

function silence(said: string, trouble: Error | undefined): string {
  if (/Unknown RESP type/.test(said)) return 'the server there is not Redis';
  if (/^Command timed out/.test(said)) return trouble ? messageOf(trouble) : 'no reply within 5 s';
  if (/^Reached the max retries per request|^Connection is closed/.test(said))
    return trouble ? messageOf(trouble) : 'the connection was lost';
  return said;
}

/** The client notes on an error which command it answers, password and phone numbers and all. */
function forgetCommand(error: unknown): void {
  if (error instanceof Error && 'command' in error) delete error.command;
}

const ANSWERS: { answer: RegExp; kind: typeof UsageError | typeof CheckpointUnreachable; says: string; next: string }[] = [
  {
    answer: /^WRONGPASS|invalid password|invalid username-password/i,
    kind: UsageError,
    says: 'refuses the password (or user) of REDIS_URL',
    next: 'Correct it: redis://user:password@host:port, special characters as %XX.',
  },
  {
    answer: /^NOAUTH|Authentication required/i,
    kind: UsageError,
    says: 'wants a password',
    next: 'Put it into REDIS_URL: redis://:password@host:port.',
  },
  {
    answer: /^NOPERM|user executing the script can't|ACL failure in script/,
    kind: UsageError,
    says: 'does not let this user run scripts on the keys campaign:* and line:*',
    next: 'Give the user of REDIS_URL those rights, or use another one.',
  },
  {
    answer: /^ERR unknown command|Unknown Redis command called from script/i,
    kind: UsageError,
    says: 'lacks a command that wsend needs (EVAL, EVALSHA, HSET and the like), or has renamed it',
    next: 'Give it its name back, or use another Redis.',
  },
  {
    answer: /^(MOVED|CROSSSLOT|CLUSTERDOWN)|Script attempted to access a non local key/,
    kind: UsageError,
    says: 'is part of a cluster, which cannot hold a campaign and its line together',
    next: 'Use a single Redis (a replicated one is fine).',
  },
  {
    answer: /^OOM/,
    kind: CheckpointUnreachable,
    says: 'is full (maxmemory), so the checkpoint cannot be written',
    next: 'Raise maxmemory or free some. What was sent is kept.',
  },
  {
    answer: /^READONLY/,
    kind: CheckpointUnreachable,
    says: 'is a read-only replica, so the checkpoint cannot be written',
    next: 'Point REDIS_URL at the primary.',
  },
  {
    answer: /^LOADING/,
    kind: CheckpointUnreachable,
    says: 'is still loading its data',
    next: 'Try again in a moment.',
  },
  {
    answer: /^MISCONF/,
    kind: CheckpointUnreachable,
    says: 'cannot save to its disk, so it takes no writes',
    next: 'Look into its log: the disk may be full.',
  },
  {
    answer: /^NOREPLICAS/,
    kind: CheckpointUnreachable,
    says: 'takes no writes: too few of its replicas are up',
    next: 'Bring the replicas up, or lower min-replicas-to-write.',
  },
];
