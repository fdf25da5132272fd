import { expect } from 'vitest';
import { events, type Outcome, type Place, type Sandbox } from './program.ts';

/** What must not be in any output: a key, a password. Tests put them where a careless message would repeat them. */
export const SECRETS = ['sandbox-key-of-no-value', 'sekret'];

/** A failure as a person should meet it: this exit code, one line that says what is wrong, no stack, no secret, nothing on stdout. */
export function expectComplaint(outcome: Outcome, code: number, words: string | RegExp): void {
  expect(outcome, outcome.stderr).toMatchObject({ code, signal: null });
  const complaints = outcome.stderr.split('\n').filter((line) => /^wsend: (?!warning)/.test(line));
  expect(complaints, outcome.stderr).toHaveLength(1);
  expect(outcome.stderr).toEqual(typeof words === 'string' ? expect.stringContaining(words) : expect.stringMatching(words));
  expectTidy(outcome);
}

/** No stack, no "unexpected", no secret. */
export function expectTidy({ stdout, stderr }: Outcome): void {
  expect(stderr).not.toMatch(/^\s+at \S+.*:\d+|unexpected|\[object|undefined|node:internal/m);
  for (const secret of SECRETS) expect(stdout + stderr).not.toContain(secret);
}

/** Whatever happened before: resumed, the campaign ends well, and the sandbox took each number exactly once. */
export async function expectEveryoneOnce(
  place: Place,
  sandbox: Sandbox,
  numbers: string[],
  { campaign = 1, env = {} }: { campaign?: number; env?: Record<string, string> } = {},
): Promise<void> {
  const resumed = await place.run(['resume', String(campaign), '--json'], { WASSENGER_RATE_LIMIT_SECONDS: '0.005', ...env });
  expect(resumed, `${resumed.stderr}${resumed.stdout}`).toMatchObject({ code: 0 });
  const counts = { total: numbers.length, sent: numbers.length, failed: 0, pending: 0, in_doubt: 0, skipped: 0 };
  expect(events(resumed).at(-1)).toMatchObject({ type: 'summary', ...counts });
  expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual([...numbers].sort());
}

/** sent + failed + pending + in doubt + skipped = total. */
export function expectSum(object: Record<string, unknown>): void {
  const { total, sent, failed, pending, in_doubt, skipped } = object as Record<string, number>;
  const parts = [sent, failed, pending, in_doubt, skipped];
  for (const part of parts) expect(part, JSON.stringify(object)).toBeGreaterThanOrEqual(0);
  expect(
    parts.reduce<number>((sum, part) => sum + Number(part), 0),
    JSON.stringify(object),
  ).toBe(total);
}
