import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statusJson, statusListJson, statusTable, statusText } from '../../../src/adapters/terminal/status-table.ts';
import { cells } from '../../../src/adapters/terminal/terminal-text.ts';
import type { CampaignState } from '../../../src/core/campaign-state.ts';
import { anyProgress, anyText, EVENTS, NOON, progress } from './support.ts';

const state = (changes: Partial<CampaignState> = {}, campaign: Partial<CampaignState['campaign']> = {}): CampaignState => ({
  campaign: {
    id: 42,
    name: 'Back to school',
    message1: 'Hello',
    message2: null,
    status: 'sending',
    createdAt: NOON - 3_600_000,
    updatedAt: NOON,
    cancelledAt: null,
    ...campaign,
  },
  progress: EVENTS.summary.progress,
  paused: { reason: 'circuit_breaker', detail: '11 of 50 failed = 22 %', at: NOON },
  owner: null,
  sandbox: false,
  replies: null,
  failures: [...EVENTS.summary.failures],
  etaMs: 34_000,
  endsAt: NOON + 34_000,
  updatedAt: NOON,
  lastMessage: 1_017,
  next: 'wsend resume 42',
  ...changes,
});

test('one campaign in detail: where it stands, why, and what to type', () => {
  expect(statusText(state(), NOON, 'Wassenger')).toBe(`Campaign 42, Back to school
  state      paused
  paused     12:04, too many failed (11 of 50 failed = 22 %)
  sent        960
  failed       28
  in doubt      1
  pending      10
  skipped       1
  total      1000
  time left  34 s, until 12:05
  last row   1017
  updated    12:04
Failed:
  25 × phone:invalid  The number is not on WhatsApp
   3 × error:500      Internal error
Next: wsend resume 42
`);
});

test('a running campaign says where it runs', () => {
  const owner = { host: 'office', pid: 4711, startedAt: NOON - 60_000 };
  expect(statusText(state({ owner, paused: null, next: null }), NOON, 'Wassenger')).toContain(
    '  state      running\n  run by     process 4711 on office since 12:03\n',
  );
});

test('a rehearsal says so, in detail, in the table and with --json', () => {
  const rehearsal = state({ sandbox: true, next: 'wsend resume 42 --sandbox' });
  expect(statusText(rehearsal, NOON, 'Wassenger')).toMatch(/^sandbox · Campaign 42, Back to school\n {2}state {6}paused\n/);
  expect(statusTable([rehearsal], NOON)).toMatch(/^sandbox · nobody gets anything\nid {2}name/);
  expect(JSON.stringify(statusJson(rehearsal))).toMatch(/^\{"type":"status","campaign":42,"sandbox":true,"name":/);
  expect(statusListJson([rehearsal])).toMatchObject({ type: 'status', sandbox: true, campaigns: [{ sandbox: true }] });
  for (const json of [statusJson(state()), statusListJson([state()]), statusListJson([])]) expect(json).not.toHaveProperty('sandbox');
});

test('a sandbox without campaigns says so, and how to rehearse one', () => {
  expect(statusTable([], NOON, { sandbox: true })).toMatch(/^sandbox · No campaigns yet\.\nNext: wsend run --csv .* --sandbox\n$/);
  expect(statusListJson([], { sandbox: true })).toEqual({ type: 'status', sandbox: true, campaigns: [] });
});

test('all campaigns are a table whose columns line up, with wide names too', () => {
  const states = [
    state(),
    state(
      { paused: null, progress: progress({ pending: 1_000_000 }), updatedAt: null },
      { id: 7, name: '学校へようこそ', status: 'draft' },
    ),
    state({ paused: null, progress: progress({ sent: 5 }) }, { id: 3, name: 'A name that is much longer than it should be' }),
  ];
  expect(
    statusTable(states, NOON),
  ).toBe(`id  name                          state                    total  sent  failed  in doubt    pending  skipped  updated
42  Back to school                paused                    1000   960      28         1         10        1  12:04
 7  学校へようこそ                draft                1,000,000     0       0         0  1,000,000        0
 3  A name that is much longer …  waiting for replies          5     5       0         0          0        0  12:04
`);
  expect(statusTable(states.slice(2), NOON).split('\n')[0]).toBe(
    'id  name                          state                total  sent  failed  in doubt  pending  updated',
  );
});

test('in a narrow terminal names are cut, down to eight cells', () => {
  const states = [state({ paused: null, progress: progress({ sent: 5 }) }, { name: 'A name that is much longer than it should be' })];
  expect(
    statusTable(states, NOON, { columns: 90 }),
  ).toBe(`id  name              state                total  sent  failed  in doubt  pending  updated
42  A name that is …  waiting for replies      5     5       0         0        0  12:04
`);
  expect(statusTable(states, NOON, { columns: 20 })).toContain('42  A name …  ');
});

test('fits a terminal of 80 columns, whatever the campaigns', () => {
  const long = { name: 'A name that is much longer than it should be' };
  const replies = state({ paused: null, progress: progress({ sent: 99_999, skipped: 1 }), updatedAt: NOON - 400 * 86_400_000 }, long);
  expect(statusTable([replies, state()], NOON, { columns: 80 })).toBe(
    `id  name            state      total    sent  failed  in doubt  pending  skipped
42  A name that i…  replies  100,000  99,999       0         0        0        1
42  Back to school  paused      1000     960      28         1       10        1
`,
  );
  const shorter = [state({ paused: null, progress: progress({ sent: 5 }), updatedAt: NOON - 3 * 86_400_000 }, long)];
  expect(statusTable(shorter, NOON, { columns: 80 }).split('\n')[1]).toBe(
    '42  A name that is mu…  replies      5     5       0         0        0  7 Mar',
  );
  fc.assert(
    fc.property(anyProgress, anyText, anyText, fc.nat(9_999), fc.integer({ min: 0, max: 2 * NOON }), (all, name, status, id, updatedAt) => {
      const small = { ...all, ...Object.fromEntries(Object.entries(all).map(([part, n]) => [part, n % 100_000])) };
      const any = state({ progress: small, updatedAt, paused: null }, { id, name, status: status as never });
      for (const line of statusTable([any, replies], NOON, { columns: 80 }).split('\n')) expect(cells(line)).toBeLessThanOrEqual(80);
    }),
  );
});

test('without campaigns it says how to make one', () => {
  expect(statusTable([], NOON)).toContain('No campaigns yet.\nNext: wsend run --csv');
});

test('a script gets the counts of the summary and the rest beside them, on one line', () => {
  const owner = { host: 'office', pid: 4711, startedAt: NOON };
  const at = new Date(NOON).toISOString();
  expect(JSON.stringify(statusJson(state({ owner })))).toBe(
    `{"type":"status","campaign":42,"name":"Back to school","status":"sending","state":"running","total":1000,"sent":960,"failed":28,"pending":10,"in_doubt":1,"skipped":1,"paused":{"reason":"circuit_breaker","detail":"11 of 50 failed = 22 %","at":"${at}"},"owner":{"host":"office","pid":4711,"started_at":"${at}"},"failures":[{"code":"error:500","reason":"Internal error","count":3},{"code":"phone:invalid","reason":"The number is not on WhatsApp","count":25}],"eta_seconds":34,"ends_at":"${new Date(NOON + 34_000).toISOString()}","cancelled_at":null,"created_at":"${new Date(NOON - 3_600_000).toISOString()}","updated_at":"${at}","last_message":1017,"next":"wsend resume 42"}`,
  );
  expect(statusJson(state({ paused: null, etaMs: null, endsAt: null, next: null }))).toMatchObject({
    paused: null,
    owner: null,
    eta_seconds: null,
    next: null,
  });
  expect(statusListJson([state()])).toMatchObject({ type: 'status', campaigns: [{ campaign: 42, total: 1000 }] });
});

test('any campaign, whatever its name and status, is one row of the table as wide as the others', () => {
  const anyState = fc.record({ name: anyText, status: anyText, progress: anyProgress, id: fc.nat() });
  fc.assert(
    fc.property(fc.array(anyState, { minLength: 1, maxLength: 5 }), (list) => {
      const states = list.map(({ id, name, status, ...rest }) => state({ ...rest, paused: null }, { id, name, status }));
      const rows = statusTable(states, NOON).split('\n').slice(1, -1);
      expect(rows).toHaveLength(list.length);
      expect(new Set(rows.map(cells)).size).toBe(1);
      expect(rows.join('')).not.toMatch(/\p{Cc}/u);
    }),
  );
});

test('what came back is shown where something did, and with --json always', () => {
  const message2 = { pending: 1, skipped: 0, sent: 2, delivered: 1, read: 0, failed: 0 };
  const replies = { delivered: 12, read: 5, replied: 3, reactions: 1, noInteraction: 7, message2, open: 0 };
  const text = statusText({ ...state(), replies }, NOON, 'Wassenger');
  for (const line of ['12, 5 of them read', '3 replied, 1 reacted, 7 without a reply in 24 h', '2 sent, 1 pending'])
    expect(text).toContain(line);
  expect(statusText({ ...state(), replies: null }, NOON, 'Wassenger')).not.toContain('Message 2');
  expect(statusJson({ ...state(), replies })).toMatchObject({ delivered: 12, read: 5, replied: 3, no_interaction: 7, message_2: message2 });
});
