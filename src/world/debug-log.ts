import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { redact } from '../adapters/terminal/terminal-text.ts';
import type { EpochMs } from '../core/units.ts';
import { messageOf, reasonOf, UsageError } from '../errors.ts';
import type { Entries } from '../ports/entries.ts';
import type { Lease, Leases } from '../ports/leases.ts';

type Facts = Record<string, unknown>;

/** What WSEND_DEBUG names: a file to which each HTTP call, each step of a checkpoint and each event of a lease adds one line of JSON. */
export interface DebugLog {
  entries(entries: Entries): Entries;
  leases(leases: Leases): Leases;
  close(): void;
}

/** Opens it, readable by its owner alone. No line holds a key, a secret or a whole number. Rejects with UsageError where it cannot be written. */
export function openDebugLog(path: string, now: () => EpochMs): DebugLog {
  const file = open(path);
  const line = (what: string, facts: Facts) => {
    try {
      appendFileSync(file, `${JSON.stringify({ at: new Date(now()).toISOString(), what, ...facts })}\n`);
    } catch {
      // A full disk must not end a campaign for its log.
    }
  };
  /** Does something and writes how long it took, and what it came to. */
  const timed = async <T>(what: string, facts: Facts, work: () => Promise<T>, resultOf: (result: T) => Facts = () => ({})): Promise<T> => {
    const begin = performance.now();
    try {
      const result = await work();
      line(what, { ...facts, ...resultOf(result), ms: since(begin) });
      return result;
    } catch (error) {
      line(what, { ...facts, ms: since(begin), error: redact(messageOf(error)) });
      throw error;
    }
  };
  const stopCalls = watchCalls((facts) => line('call', facts));
  return {
    entries: (entries) => ({
      ...entries,
      open: (name, epoch) => timed('checkpoint opened', { name, epoch }, () => entries.open(name, epoch)),
      write: (step, writes) => timed('checkpoint step', { step, changed: changedBy(writes) }, () => entries.write(step, writes)),
    }),
    leases: (leases) => ({
      ...leases,
      async take(names, owner, dead) {
        const resultOf = (taken: Awaited<ReturnType<Leases['take']>>) =>
          'lease' in taken ? { epoch: taken.lease.epoch } : { held: taken.name };
        const taken = await timed('lease taken', { names }, () => leases.take(names, owner, dead), resultOf);
        return 'lease' in taken ? { lease: watched(taken.lease) } : taken;
      },
      ask: (name, wish) =>
        timed(
          'lease asked',
          { name, wish },
          () => leases.ask(name, wish),
          (heard) => ({ heard }),
        ),
    }),
    close() {
      stopCalls();
      closeSync(file);
    },
  };

  function watched(lease: Lease): Lease {
    const { names, epoch } = lease;
    return {
      ...lease,
      prolong: () =>
        timed(
          'lease prolonged',
          { names, epoch },
          () => lease.prolong(),
          (wishes) => ({ wishes: wishes.length }),
        ),
      release: () => timed('lease given back', { names, epoch }, () => lease.release()),
    };
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new UsageError(
      `cannot write the debug log ${path}: ${reasonOf(cause)}`,
      'Set WSEND_DEBUG to a file in a folder that is there.',
      cause,
    );
  }
}

/** How many fields of each name a step changes. */
function changedBy(writes: Parameters<Entries['write']>[1]): Record<string, number> {
  return Object.fromEntries(writes.map(({ name, fields }) => [name, Object.keys(fields).length]));
}

/** Every HTTP call of this process, as node itself tells of it: no adapter need know. */
function watchCalls(tell: (facts: Facts) => void): () => void {
  const begun = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    const begin = performance.now();
    let ended: Facts = { status: null };
    request.once('response', ({ statusCode }) => {
      ended = { status: statusCode };
    });
    request.once('error', (error) => {
      ended = { ...ended, error: redact(messageOf(error)) };
    });
    request.once('close', () => tell({ method: request.method, path: maskedPath(request.path), ...ended, ms: since(begin) }));
  };
  subscribe('http.client.request.start', begun);
  return () => void unsubscribe('http.client.request.start', begun);
}

/** A path without numbers and without the last part of a webhook's address. */
function maskedPath(path: string): string {
  const readable = path.replace(/%2B/gi, '+').replace(/%40/g, '@');
  return redact(readable.replace(/(\/webhooks\/[^/?]+\/)[^/?]+/, '$1***'));
}

function since(begin: number): number {
  return Math.round(performance.now() - begin);
}
