import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterReports,
  applyChanges,
  type Change,
  type Checkpoint,
  type CheckpointHeader,
  type Claim,
  campaignName,
  type Fields,
  keptOf,
  lineName,
  type Owner,
  readCheckpoint,
  readPacing,
} from '../../src/core/checkpoint.ts';

describe('a checkpoint', () => {
  it('read from what was written is the one that the process has, whatever the changes and however many make a step', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyChange, { maxLength: 8 }), { maxLength: 8 }), (steps) => {
        const store = newStore();
        const run = begin(store, 1);
        for (const step of steps) run.write(...changesOf(run, step));
        expect(readCheckpoint(store)).toEqual(inOrder(run.checkpoint));
      }),
    );
  });

  it('forgets whom a report has settled, and counts them once: an outcome that the database had not got was counted', () => {
    const store = newStore();
    const run = begin(store, 1);
    const done = { at: 1, attempts: 1, providerId: null };
    run.write(
      { type: 'count', sent: 5, failed: 0 },
      { type: 'settle', result: { kind: 'sent', message: 1, ...done } },
      { type: 'retry', retry: { message: 2, attempts: 1, dueAt: 1 } },
      { type: 'settle', result: { kind: 'sent', message: 3, ...done } },
    );
    run.write(...afterReports(run.checkpoint, { sent: 2, failed: 1, settled: [1, 2, 3, 4] }));
    expect(readCheckpoint(store)).toMatchObject({ recipients: new Map(), counted: { sent: 7, failed: 1 } });
  });

  it('is the same after one large step as after many small ones', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 30 }), (makes) => {
        const [one, many] = [newStore(), newStore()];
        const [whole, pieces] = [begin(one, 1), begin(many, 1)];
        const changes = changesOf(whole, makes);
        whole.write(...changes);
        for (const change of changes) pieces.write(change);
        expect(readCheckpoint(one)).toEqual(readCheckpoint(many));
      }),
    );
  });

  it('goes on from run to run: each finds what the one before left, with the owner of every claim', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyChange, { maxLength: 10 }), { minLength: 1, maxLength: 5 }), (runs) => {
        const store = newStore();
        let left = readCheckpoint(store);
        for (const [i, makes] of runs.entries()) {
          const run = begin(store, i + 1);
          const { recipients, counted } = run.checkpoint;
          expect([recipients, counted]).toEqual([left.recipients, left.counted]);
          run.write(...changesOf(run, makes));
          left = inOrder(run.checkpoint);
        }
      }),
    );
  });

  it('of which nothing is kept is empty', () => {
    expect(readCheckpoint(new Map())).toEqual({
      header: null,
      counted: null,
      lastMessage: null,
      recipients: new Map(),
      known: null,
      server: null,
      owners: new Map(),
    });
  });

  it('has every recipient in one place: where the last change put it', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 40 }), (makes) => {
        const run = begin(newStore(), 1);
        const drawers = new Map<number, string>();
        for (const make of makes) {
          const change = make(run);
          run.write(change);
          if (change.type === 'claim') drawers.set(change.claim.message, 'claim');
          else if (change.type === 'doubt') drawers.set(change.doubt.message, 'doubt');
          else if (change.type === 'retry') drawers.set(change.retry.message, 'retry');
          else if (change.type === 'settle') drawers.set(change.result.message, 'outcome');
          else if (change.type === 'forget') drawers.delete(change.message);
          else if (change.type === 'stored')
            for (const message of change.messages) if (drawers.get(message) === 'outcome') drawers.delete(message);
        }
        expect(new Map([...run.checkpoint.recipients].map(([message, { is }]) => [message, is]))).toEqual(drawers);
        const { claims, doubts, retries, outcomes } = keptOf(run.checkpoint);
        expect(claims.length + doubts.length + retries.length + outcomes.length).toBe(drawers.size);
      }),
    );
  });

  it('counts everyone once: however often an outcome is overruled before the database has it', () => {
    const life = fc.record({
      message: fc.nat({ max: 4 }),
      outcomes: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      stored: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.uniqueArray(life, { selector: ({ message }) => message }), fc.boolean(), (lives, together) => {
        const store = newStore();
        const run = begin(store, 1);
        const changes = lives.flatMap(({ message, outcomes, stored }): Change[] => [
          claim(message, run.owner),
          ...outcomes.map((sent) => (sent ? sentOf(message) : failedOf(message))),
          ...(stored ? [{ type: 'stored' as const, messages: [message] }] : []),
        ]);
        if (together) run.write(...changes);
        else for (const change of changes) run.write(change);
        const sent = lives.filter(({ outcomes }) => outcomes.at(-1)).length;
        const failed = lives.length - sent;
        expect(run.checkpoint.counted).toEqual(lives.length === 0 ? null : { sent, failed });
        expect(keptOf(run.checkpoint).outcomes).toHaveLength(lives.filter(({ stored }) => !stored).length);
        const written = { sent: store.get('sent'), failed: store.get('failed'), last: store.get('last_message') };
        const last = lives.at(-1)?.message;
        expect(written).toEqual(last === undefined ? {} : { sent: String(sent), failed: String(failed), last: String(last) });
      }),
    );
  });

  it('moves the count when an outcome overrules another, and leaves the message that was settled last', () => {
    const run = begin(newStore(), 1);
    run.write(failedOf(1), sentOf(2), sentOf(1));
    expect(run.checkpoint).toMatchObject({ counted: { sent: 2, failed: 0 }, lastMessage: 2 });
  });

  it('keeps the count when an outcome that is stored, a claim, a doubt or a retry is forgotten', () => {
    const run = begin(newStore(), 1);
    run.write(claim(1, run.owner), sentOf(1), claim(2, run.owner), doubtOf(3, run.owner), {
      type: 'retry',
      retry: { message: 4, attempts: 1, dueAt: 5 },
    });
    run.write({ type: 'stored', messages: [1, 2, 3, 4, 9] });
    expect([...run.checkpoint.recipients.keys()]).toEqual([2, 3, 4]);
    for (const message of [2, 3, 4, 9]) run.write({ type: 'forget', message });
    expect(run.checkpoint).toMatchObject({ counted: { sent: 1, failed: 0 }, lastMessage: 1, recipients: new Map() });
  });

  it('takes its counters from the database when it is told, and moves them by what was learned later', () => {
    const store = newStore();
    const run = begin(store, 1);
    run.write({ type: 'move', sent: -1, failed: 1 });
    expect(run.checkpoint.counted).toEqual({ sent: 0, failed: 1 });
    run.write({ type: 'count', sent: 120, failed: 7 }, sentOf(5));
    run.write({ type: 'move', sent: -2, failed: 2 });
    expect(Object.fromEntries(store)).toMatchObject({ sent: '119', failed: '9', last_message: '5' });
  });

  it('says which run knew everything, on which process of the store', () => {
    const store = newStore();
    begin(store, 1_790_000_000_000);
    expect(readCheckpoint(store)).toMatchObject({ known: 1_790_000_000_000, server: 'server' });
  });

  it('writes what changes and nothing else', () => {
    const run = begin(newStore(), 1);
    expect(run.write({ type: 'forget', message: 1 }, { type: 'stored', messages: [2] })).toEqual({});
    expect(run.write()).toEqual({});
    expect(Object.keys(run.write(claim(1, run.owner)))).toEqual(['1']);
    expect(run.write(claim(2, run.owner), { type: 'forget', message: 2 })).toEqual({ 2: null });
    expect(Object.keys(run.write(sentOf(1)))).toEqual(['1', 'sent', 'failed', 'last_message']);
    expect(run.write({ type: 'stored', messages: [1] })).toEqual({ 1: null });
    expect(Object.keys(run.write({ type: 'header', header: HEADER }))).toEqual(['header']);
  });

  it('gives its header back as it was', () => {
    const header: CheckpointHeader = {
      version: 1,
      identity: `${'é'.repeat(300)}\u0000"'\n{}`,
      settings: { delay: 2.5, batchSize: 75, batchPause: 0, concurrency: 1 },
      paused: { reason: 'circuit_breaker', detail: '11 of 50 failed = 22 %: 9 × phone:invalid 😀', at: NOW },
      finished: false,
    };
    const store = newStore();
    begin(store, 1).write({ type: 'header', header });
    expect(readCheckpoint(store).header).toEqual(header);
  });
});

describe('the owners of runs', () => {
  const runs = (store: Map<string, string>) => [...readCheckpoint(store).owners.keys()];

  it('are kept while a claim or a doubt names them, and no longer than until the next run knows everything', () => {
    const store = newStore();
    const first = begin(store, 1);
    first.write(claim(1, first.owner), claim(2, first.owner));
    const second = begin(store, 2);
    expect(runs(store)).toEqual([1, 2]);
    second.write(claim(3, second.owner), doubtOf(1, first.owner), { type: 'forget', message: 2 });
    const third = begin(store, 3);
    expect(runs(store)).toEqual([1, 2, 3]);
    expect(keptOf(readCheckpoint(store))).toMatchObject({ claims: [{ owner: second.owner }], doubts: [{ owner: first.owner }] });
    third.write(sentOf(1), { type: 'stored', messages: [1] });
    expect(runs(store)).toEqual([1, 2, 3]);
    begin(store, 4);
    expect(runs(store)).toEqual([2, 4]);
    expect([...store.keys()].filter((field) => field.startsWith('run:'))).toEqual(['run:2', 'run:4']);
  });

  it('are those that are named and the run itself, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyChange, { maxLength: 6 }), { minLength: 1, maxLength: 6 }), (all) => {
        const store = newStore();
        for (const [i, makes] of all.entries()) {
          const run = begin(store, i + 1);
          run.write(...changesOf(run, makes));
        }
        const last = begin(store, 99);
        const { claims, doubts } = keptOf(last.checkpoint);
        const named = new Set([...claims, ...doubts].map(({ owner }) => owner.token));
        expect(new Set([...last.checkpoint.owners.values()].map(({ token }) => token))).toEqual(new Set([...named, last.owner.token]));
      }),
    );
  });

  it('of a claim of whom nothing is kept is nobody', () => {
    const store = newStore();
    const run = begin(store, 1);
    run.write(claim(1, run.owner));
    store.delete('run:1');
    expect(keptOf(readCheckpoint(store)).claims).toEqual([
      { ...claimOf(1, run.owner), owner: expect.objectContaining({ token: '', pid: 0 }) },
    ]);
  });
});

it('the names of campaigns and lines are those that other programs may know', () => {
  expect([campaignName(42, 'message_1'), campaignName(42, 'message_2'), lineName('abc')]).toEqual([
    'campaign:42:message_1',
    'campaign:42:message_2',
    'line:abc',
  ]);
});

it('the pace of a line is read as it was written, and is null where there is none', () => {
  const pacing = { lastStart: NOW, sentInBatch: 74, notBefore: NOW + 60_000 };
  expect(readPacing(new Map([['pacing', JSON.stringify(pacing)]]))).toEqual(pacing);
  expect(readPacing(new Map([['known', '1']]))).toBeNull();
});

const NOW = 1_790_000_000_000;
const HEADER: CheckpointHeader = { version: 1, identity: 'a', settings: {}, paused: null, finished: false };

/** One run, as it stands. */
interface Running {
  checkpoint: Checkpoint;
  owner: Owner;
  epoch: number;
  write(...changes: Change[]): Fields;
}

function newStore(): Map<string, string> {
  return new Map();
}

/** A run that finds what the store has, and knows everything. */
function begin(store: Map<string, string>, epoch: number): Running {
  const checkpoint = readCheckpoint(store);
  const owner = ownerOf(epoch);
  const write = (...changes: Change[]) => {
    const fields = applyChanges(checkpoint, changes, { epoch, owner });
    for (const [field, value] of Object.entries(fields)) {
      if (value === null) store.delete(field);
      else store.set(field, value);
    }
    return fields;
  };
  write({ type: 'know', server: 'server' });
  return { checkpoint, owner, epoch, write };
}

/** What a run may write in one step: each change as it follows from those before. */
function changesOf({ checkpoint, owner, epoch }: Running, makes: ((run: Pick<Running, 'checkpoint' | 'owner'>) => Change)[]): Change[] {
  const ahead = structuredClone(checkpoint);
  return makes.map((make) => {
    const change = make({ checkpoint: ahead, owner });
    applyChanges(ahead, [change], { epoch, owner });
    return change;
  });
}

/** As `readCheckpoint` has it: by message. */
function inOrder(checkpoint: Checkpoint): Checkpoint {
  return { ...checkpoint, recipients: new Map([...checkpoint.recipients].sort(([a], [b]) => a - b)) };
}

function ownerOf(run: number): Owner {
  const about = { host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: run, startedAt: NOW, birth: '1' };
  return { token: `token ${run}`, ...about };
}

function claimOf(message: number, owner: Owner): Claim {
  return { message, reference: `wsend-1-${message}-abcdefgh`, phone: '+22997000001', line: 'l', attempt: 1, at: NOW, owner };
}

function claim(message: number, owner: Owner): Change {
  return { type: 'claim', claim: claimOf(message, owner) };
}

function doubtOf(message: number, owner: Owner): Change {
  return { type: 'doubt', doubt: { ...claimOf(message, owner), reason: 'no answer' } };
}

function sentOf(message: number): Change {
  return { type: 'settle', result: { kind: 'sent', message, providerId: `id-${message}`, at: NOW, attempts: 1 } };
}

function failedOf(message: number): Change {
  const about = { code: 'phone:invalid', reason: 'no such number', at: NOW, attempts: 1, providerId: null };
  return { type: 'settle', result: { kind: 'failed', message, ...about } };
}

const anyText = fc.string({ unit: 'binary' });
const anyChange: fc.Arbitrary<(run: Pick<Running, 'checkpoint' | 'owner'>) => Change> = fc
  .record({
    type: fc.constantFrom('claim', 'sent', 'failed', 'doubt', 'retry', 'forget', 'stored', 'header', 'count', 'move', 'know'),
    message: fc.constantFrom(1, 2, 3, 4, 10, -5, 2 ** 40, 2 ** 40 + 1),
    text: anyText,
    number: fc.nat(),
  })
  .map(({ type, message, text, number }) => (run) => {
    // A doubt is of this run, or of an earlier one whose claim it found.
    const { claims, doubts } = keptOf(run.checkpoint);
    const owners = [run.owner, ...[...claims, ...doubts].map(({ owner }) => owner)];
    const owner = owners[number % owners.length] as Owner;
    if (type === 'claim') return { type, claim: { ...claimOf(message, run.owner), attempt: number, reference: text } };
    if (type === 'doubt') return { type, doubt: { ...claimOf(message, owner), reason: text } };
    if (type === 'retry') return { type, retry: { message, attempts: number, dueAt: NOW + number } };
    if (type === 'forget') return { type, message };
    if (type === 'stored') return { type, messages: [message, (number % 4) + 1] };
    if (type === 'header') return { type, header: { ...HEADER, identity: text } };
    if (type === 'count') return { type, sent: number, failed: number % 7 };
    if (type === 'move') return { type, sent: (number % 5) - 2, failed: (number % 3) - 1 };
    if (type === 'know') return { type, server: text };
    return type === 'sent' ? sentOf(message) : failedOf(message);
  });
