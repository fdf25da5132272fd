import { describe, expect, it } from 'vitest';
import { violations } from './check.ts';
import type { Evidence } from './evidence.ts';
import { planOf } from './plan.ts';

// The torture is worth as much as what it notices.

const AT = Date.UTC(2026, 10, 22);
const PLAN = { ...planOf(1, { store: 'redis', database: 'sqlite' }), recipients: 3, delayMs: 100, crowd: false, phases: [] };
const SUMMARY = { type: 'summary', total: 3, sent: 2, failed: 1, pending: 0, in_doubt: 0, skipped: 0 };
const printed = (...objects: object[]) => objects.map((object) => `${JSON.stringify(object)}\n`).join('');

/** A round in which two got it and one was refused. */
function sound(): Evidence {
  return {
    plan: { ...PLAN },
    ran: [{ args: ['resume', '1'], phase: null, outcome: { code: 3, signal: null, stdout: printed(SUMMARY), stderr: '' }, hung: false }],
    snapshots: [{ status: { ...SUMMARY }, acceptedBefore: 2, acceptedAfter: 2, still: true, wiped: false }],
    accepted: [
      { id: 'a', reference: 'wsend-1-1-x', phone: '+1', at: AT, fails: false },
      { id: 'b', reference: 'wsend-1-2-x', phone: '+2', at: AT + 100, fails: false },
    ],
    rows: [
      { phone: '+1', status: 'sent', providerId: 'a', error: null },
      { phone: '+2', status: 'sent', providerId: 'b', error: null },
      { phone: '+30000', status: 'failed', providerId: null, error: 'phone:invalid: no' },
    ],
    campaign: { id: 1, status: 'completed', sent: 2, success: 2, failed: 1, total: 3 },
    redis: { sent: 2, failed: 1 },
  };
}

const last = (evidence: Evidence) => (evidence.ran[0] as Evidence['ran'][number]).outcome;

const WRONGS: [string, (evidence: Evidence) => unknown, RegExp][] = [
  ['a second message to a number', ({ accepted }) => accepted.push({ ...accepted[0], at: AT + 900 } as never), /^\+1 got it 2 times/],
  ['somebody still pending', ({ rows }) => Object.assign(rows[0] as object, { status: 'pending' }), /^\+1 is pending at the end/],
  ['somebody missing', ({ rows }) => rows.pop(), /^2 rows of 3 recipients/],
  [
    'somebody left out who wants messages',
    ({ rows }) => Object.assign(rows[0] as object, { status: 'pending', error: 'wsend: skipped: opted out' }),
    /is pending and left out/,
  ],
  [
    'somebody who wants none',
    ({ plan }) => {
      plan.crowd = true;
    },
    /got it and wants nothing/,
  ],
  [
    'a message to a stranger',
    ({ accepted }) => accepted.push({ ...accepted[0], phone: '+9', at: AT + 900 } as never),
    /^\+9 got it and is no/,
  ],
  ['sent, and never accepted', ({ accepted }) => accepted.pop(), /^\+2 is sent in the database and was never accepted/],
  [
    'failed, and accepted',
    ({ rows }) => Object.assign(rows[1] as object, { status: 'failed' }),
    /^\+2 is failed in the database .* was accepted/,
  ],
  ['the id of another message', ({ rows }) => Object.assign(rows[1] as object, { providerId: 'z' }), /^\+2 has the id z/],
  ['failed for another reason', ({ rows }) => Object.assign(rows[2] as object, { error: 'late: ?' }), /failed without a cause/],
  ['a counter in the database', ({ campaign }) => Object.assign(campaign, { sent: 1 }), /^campaigns\.sent_count is 1/],
  ['a counter in Redis', ({ redis }) => Object.assign(redis as object, { failed: 0 }), /^campaign:1:failed is 0/],
  ['a summary that does not add up', (e) => Object.assign(last(e), { stdout: printed({ ...SUMMARY, sent: 1 }) }), /printed .*"sent":1/],
  [
    'a status that does not add up',
    ({ snapshots }) => Object.assign(snapshots[0]?.status as object, { total: 9 }),
    /status does not add up/,
  ],
  ['more sent than accepted', ({ snapshots }) => Object.assign(snapshots[0] as object, { acceptedAfter: 1 }), /^status says 2 sent when 1/],
  [
    'many accepted, and not accounted for',
    ({ snapshots }) => Object.assign(snapshots[0] as object, { acceptedBefore: 30 }),
    /^30 were accepted/,
  ],
  ['an exit code that nothing explains', (e) => Object.assign(last(e), { code: 1 }), /ended with 1/],
  ['a stack', (e) => Object.assign(last(e), { stderr: 'oh\n    at run (main.js:1:1)' }), /printed a stack/],
  ['a run that never ended', ({ ran }) => Object.assign(ran[0] as object, { hung: true }), /did not end/],
  ['sends that come too fast', ({ plan }) => Object.assign(plan, { ...PLAN, delayMs: 900 }), /ms too early for a delay of 900 ms/],
];

describe('what a round left behind', () => {
  it('nothing is wrong with a sound one', () => {
    expect(violations(sound())).toEqual([]);
  });

  it.each(WRONGS)('%s is noticed', (_what, spoil, words) => {
    const evidence = structuredClone(sound());
    spoil(evidence);
    expect(violations(evidence)).toContainEqual(expect.stringMatching(words));
  });
});

describe('a plan', () => {
  it('comes of its seed alone', () => {
    expect(planOf(7, { store: 'redis', database: 'mysql' })).toEqual(planOf(7, { store: 'redis', database: 'mysql' }));
    expect(planOf(7, { store: 'redis', database: 'mysql' })).not.toEqual(planOf(8, { store: 'redis', database: 'mysql' }));
  });
});
