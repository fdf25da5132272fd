import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonOf } from '../../../src/adapters/terminal/ndjson.ts';
import { makeReport } from '../../../src/adapters/terminal/report-lines.ts';
import { anyRun, EVENTS, fakeOutput, NOON, PHONE, progress } from './support.ts';

const json = (event: Parameters<typeof jsonOf>[0]) => JSON.stringify(jsonOf(event, NOON));
const endsAt = new Date(NOON + 3_400_000).toISOString();

test.each([
  [
    'plan',
    `{"type":"plan","campaign":42,"name":"Back to school","total":1000,"pending":1000,"duplicates":0,"delay_seconds":3,"batch_size":75,"batch_pause_seconds":30,"batches":14,"eta_seconds":3400,"ends_at":"${endsAt}","sandbox":false}`,
  ],
  [
    'sent',
    `{"type":"sent","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","provider_id":"abc","attempt":1,"latency_ms":212}`,
  ],
  [
    'failed',
    `{"type":"failed","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","code":"phone:invalid","reason":"The number ${PHONE} is\\nnot on WhatsApp","attempt":2}`,
  ],
  [
    'in_doubt',
    `{"type":"in_doubt","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","reason":"no answer within 30 s","attempt":1}`,
  ],
  ['skipped', `{"type":"skipped","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","reason":"opted_out"}`],
  [
    'assumed',
    `{"type":"assumed","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","as":"absent","reason":"no answer within 30 s","attempt":1}`,
  ],
  [
    'retry',
    `{"type":"retry","campaign":42,"message":17,"reference":"wsend-42-17-k3v9x0qd","phone":"${PHONE}","reason":"connection reset","attempt":1,"wait_seconds":60}`,
  ],
  ['batch', '{"type":"batch","campaign":42,"batch":2,"of":14}'],
  ['delay', '{"type":"delay","campaign":42,"from_seconds":3,"to_seconds":4.5,"error_rate":0.0612,"cause":"error_rate"}'],
  [
    'rest',
    `{"type":"rest","campaign":42,"reason":"offline","until":"${new Date(NOON + 20_000).toISOString()}","seconds":20,"detail":"no network"}`,
  ],
  ['notice', '{"type":"notice","level":"warning","text":"B is outside 25–100"}'],
  ['paused', '{"type":"paused","campaign":42,"reason":"circuit_breaker","detail":"11 of 50 failed = 22 %: 11 × phone:invalid"}'],
  [
    'summary',
    '{"type":"summary","campaign":42,"total":1000,"sent":960,"failed":28,"pending":10,"in_doubt":1,"skipped":1,"duration_seconds":671.234,"failures":[{"code":"error:500","reason":"Internal error","count":3},{"code":"phone:invalid","reason":"The number is not on WhatsApp","count":25}],"latency":{"median_ms":212,"p95_ms":1480},"exit_code":5,"next":"wsend resume 42"}',
  ],
  ['go_on', 'null'],
  ['tick', 'null'],
] as const)('a script reads of %s exactly what is documented', (type, line) => {
  expect(json(EVENTS[type])).toBe(line);
});

test('an object of a rehearsal says so after its type and campaign', () => {
  const [stdout, stderr] = [fakeOutput(), fakeOutput()];
  const report = makeReport({
    stdout,
    stderr,
    json: true,
    quiet: false,
    color: false,
    now: () => NOON,
    sandbox: true,
    provider: 'Wassenger',
  });
  for (const event of [{ ...EVENTS.plan, sandbox: true }, EVENTS.sent, EVENTS.notice, EVENTS.summary]) report.tell(event);
  const starts = ['"plan","campaign":42,', '"sent","campaign":42,', '"notice",', '"summary","campaign":42,'];
  expect(stdout.writes.map((line) => line.slice('{"type":'.length, line.indexOf('"sandbox"')))).toEqual(starts);
  for (const line of stdout.writes) expect(line.match(/"sandbox":true/g)).toHaveLength(1);
  expect(stderr.writes).toEqual(['sandbox · warning: B is outside 25–100\n']);
});

test('a run without a single answer says so with null, and a moment that is none is null too', () => {
  const nobody = { ...EVENTS.summary, progress: progress(), latency: null, failures: [], next: null };
  expect(jsonOf(nobody, NOON)).toMatchObject({ latency: null, next: null, failures: [], total: 0 });
  expect(jsonOf({ ...EVENTS.plan, endsAt: Number.NaN }, NOON)).toMatchObject({ ends_at: null });
});

test('whatever happens, every line is one object with its type first, and the counts of the summary, which is last, add up', () => {
  fc.assert(
    fc.property(anyRun, fc.boolean(), (events, sandbox) => {
      const stdout = fakeOutput();
      const report = makeReport({
        stdout,
        stderr: fakeOutput(),
        json: true,
        quiet: false,
        color: true,
        now: () => NOON,
        sandbox,
        provider: 'Wassenger',
      });
      for (const event of events) report.tell(event);
      report.close();
      for (const write of stdout.writes) {
        expect(write).toMatch(/^\{"type":"[a-z_]+"[^\n]*\}\n$/);
        expect(write).not.toContain('\x1b');
        const { type, sandbox: said } = JSON.parse(write);
        if (type !== 'plan') expect(said).toBe(sandbox || undefined);
      }
      const lines = stdout.writes.map((write) => JSON.parse(write));
      expect(lines[0].type).toBe('plan');
      const { type, total, sent, failed, pending, in_doubt, skipped } = lines.at(-1);
      expect(type).toBe('summary');
      expect(sent + failed + pending + in_doubt + skipped).toBe(total);
    }),
  );
});
