import { describe, expect, test } from 'vitest';
import type { WassengerProvider } from '../../../src/adapters/wassenger/wassenger-provider.ts';
import { ODD_ANSWERS } from '../../../src/sandbox/fault-values.ts';
import { type FaultName, parseFaults } from '../../../src/sandbox/faults.ts';
import { SANDBOX_DEVICE } from '../../../src/sandbox/records.ts';
import { startSandbox } from '../../../src/sandbox/sandbox-server.ts';
import { memorySandboxStore } from '../../../src/sandbox/store.ts';
import { closing, KEY, LATER, MESSAGE, providerAt } from './support.ts';

interface Rehearsal {
  provider: WassengerProvider;
  lookUp(): ReturnType<WassengerProvider['lookUp']>;
  /** References of all messages that were taken. */
  taken(): Promise<string[]>;
  change(faults: Partial<Record<FaultName, string>>): Promise<void>;
}

async function rehearsal(faults: Partial<Record<FaultName, string>> = {}, { timeoutMs = 5_000, apiKey = KEY } = {}): Promise<Rehearsal> {
  const sandbox = await startSandbox({
    port: 0,
    store: memorySandboxStore(),
    faults: parseFaults(faults),
    clock: { now: Date.now },
    apiKey: KEY,
  });
  closing(() => sandbox.close());
  const provider = providerAt(sandbox.url, { timeoutMs, apiKey, device: sandbox.device });
  return {
    provider,
    lookUp: () => provider.lookUp({ reference: MESSAGE.reference, phone: MESSAGE.phone, line: sandbox.device }),
    taken: async () =>
      ((await (await fetch(`${sandbox.controlUrl}/sandbox/messages`)).json()) as { reference: string }[]).map(({ reference }) => reference),
    change: async (next) => {
      await fetch(`${sandbox.controlUrl}/sandbox/faults`, { method: 'POST', body: JSON.stringify(next) });
    },
  };
}

const ACCEPTED = { kind: 'accepted', providerId: expect.stringMatching(/^[0-9a-f]{24}$/), whatsappId: expect.stringMatching(/^3EB0/) };
const UNEXPECTED = { kind: 'unknown', offline: false, unexpected: true };
const FOUND = { ...ACCEPTED, kind: 'found', ageMs: expect.any(Number), line: SANDBOX_DEVICE, failure: null };
const ABSENT = { kind: 'absent' };

describe('a send to the sandbox', () => {
  test('that goes well is accepted, and found under the same ids', async () => {
    const { provider, lookUp, taken } = await rehearsal();
    expect(await lookUp()).toEqual(ABSENT);
    const accepted = await provider.send(MESSAGE, LATER);
    expect(accepted).toEqual(ACCEPTED);
    expect(await lookUp()).toEqual({ ...accepted, kind: 'found', ageMs: expect.any(Number), line: SANDBOX_DEVICE, failure: null });
    expect(await taken()).toEqual([MESSAGE.reference]);
  });

  test.each([
    ['a rejected number', { reject: '*0017' }, { kind: 'rejected', code: 'phone:invalid' }],
    ['a 429', { throttle: '1' }, { kind: 'throttled', retryAfterMs: null }],
    ['a 429 that asks for a wait', { throttle: '1', retryAfter: '7' }, { kind: 'throttled', retryAfterMs: 7_000 }],
    ['a 429 to every send', { throttleEvery: '1' }, { kind: 'throttled' }],
    ['an offline device', { offline: '60' }, { kind: 'unknown', code: 'http:503', offline: true }],
    ['an error before it was taken', { errorBefore: '1' }, { kind: 'unknown', code: 'http:502', offline: false }],
    ['a reset before it was taken', { resetBefore: '1' }, { kind: 'unknown', code: 'ECONNRESET', offline: false }],
    ['a wrong key', { refuse: 'key' }, { kind: 'barred', code: 'http:401' }],
    ['no plan', { refuse: 'plan' }, { kind: 'barred', code: 'http:402' }],
    ['no access', { refuse: 'access' }, { kind: 'barred', code: 'http:403' }],
    ['a queue that refuses', { refuse: 'queue' }, { kind: 'barred', code: 'queue:rejected' }],
    ['a window of 24 hours that is over', { refuse: 'window' }, { kind: 'barred', code: '131047' }],
    ['an odd answer', { odd: '1', oddTaken: '0' }, UNEXPECTED],
    ['a device that is gone', { refuse: 'device' }, { kind: 'barred', code: 'device:notfound' }],
  ])('that meets %s was not taken', async (_, faults, outcome) => {
    const { provider, lookUp, taken, change } = await rehearsal(faults);
    expect(await provider.send(MESSAGE, LATER)).toMatchObject(outcome);
    expect(await taken()).toEqual([]);
    await change({ refuse: 'nothing' });
    expect(await lookUp()).toEqual(ABSENT);
  });

  test.each([
    ['an error after it was taken', { errorAfter: '1' }, { kind: 'unknown', code: 'http:500', offline: false }],
    ['a reset after it was taken', { resetAfter: '1' }, { kind: 'unknown', code: 'ECONNRESET' }],
    ['an answer that is too slow', { slow: '1', slowBy: '3000' }, { kind: 'unknown', code: 'ETIMEDOUT' }],
    ['an answer that breaks off', { truncate: '1' }, { kind: 'unknown', code: 'http:201', unexpected: true }],
    ...ODD_ANSWERS.map((oddAs): [string, object, object] => [`${oddAs} in place of its answer`, { odd: '1', oddAs }, UNEXPECTED]),
  ])('that meets %s is found by a look-up', async (_, faults, outcome) => {
    const { provider, lookUp, taken } = await rehearsal(faults, { timeoutMs: 400 });
    expect(await provider.send(MESSAGE, LATER)).toMatchObject(outcome);
    expect(await taken()).toEqual([MESSAGE.reference]);
    expect(await lookUp()).toEqual(FOUND);
  });

  test('with latency is accepted after it', async () => {
    const { provider } = await rehearsal({ latency: '200-250' });
    const started = Date.now();
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
    expect(Date.now() - started).toBeGreaterThanOrEqual(195);
  });

  test('that fails later for the sake of the line says so', async () => {
    const { provider, lookUp } = await rehearsal({ failLater: '1', failReason: '131047' });
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
    expect(await lookUp()).toMatchObject({ kind: 'found', failure: { code: 'line:131047' } });
  });

  test('that fails later is found as failed', async () => {
    const { provider, lookUp } = await rehearsal({ failLater: '1' });
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
    expect(await lookUp()).toMatchObject({
      kind: 'found',
      failure: { code: 'number:notfound', reason: 'accepted, then failed at the provider: number:notfound' },
    });
  });

  test('with another key is barred, and the key is not shown', async () => {
    const { provider, lookUp } = await rehearsal({}, { apiKey: 'another-key-0123456789abcdef' });
    const outcome = await provider.send(MESSAGE, LATER);
    expect(outcome).toMatchObject({ kind: 'barred', code: 'http:401' });
    expect(JSON.stringify([outcome, await lookUp(), await provider.askLine()])).not.toContain('another-key');
  });

  test('twice under one reference is two messages, as with the real API', async () => {
    const { provider, taken } = await rehearsal();
    await provider.send(MESSAGE, LATER);
    await provider.send(MESSAGE, LATER);
    expect(await taken()).toEqual([MESSAGE.reference, MESSAGE.reference]);
  });
});

describe('a look-up in the sandbox', () => {
  test('does not find what is not listed yet, and finds it later', async () => {
    const { provider, lookUp } = await rehearsal({ lookupDelay: '400' });
    await provider.send(MESSAGE, LATER);
    expect(await lookUp()).toEqual(ABSENT);
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(await lookUp()).toEqual(FOUND);
  });

  test('lacks what it is told to lose', async () => {
    const { provider, lookUp, change } = await rehearsal({ lookupLoss: '1' });
    await provider.send(MESSAGE, LATER);
    expect(await lookUp()).toEqual(ABSENT);
    await change({ lookupLoss: '0.5' });
    const found = [];
    for (let i = 0; i < 40; i += 1) found.push((await lookUp()).kind === 'found');
    expect(new Set(found)).toEqual(new Set([true, false]));
  });

  test('that is throttled says when to ask again', async () => {
    const { lookUp } = await rehearsal({ lookupThrottle: '1', retryAfter: '3' });
    expect(await lookUp()).toMatchObject({ kind: 'unsure', reachable: false, askAgainAfterMs: 3_000 });
  });

  test('that fails leaves us unsure', async () => {
    const { lookUp, change } = await rehearsal({ lookupFail: '1' });
    expect(await lookUp()).toMatchObject({ kind: 'unsure', reachable: false });
    await change({ lookupFail: '0', refuse: 'look-ups' });
    expect(await lookUp()).toMatchObject({ kind: 'barred', code: 'http:403' });
    await change({ refuse: 'key' });
    expect(await lookUp()).toMatchObject({ kind: 'barred', code: 'http:401' });
  });

  test('keeps another number under the same reference apart', async () => {
    const { provider } = await rehearsal();
    await provider.send(MESSAGE, LATER);
    expect(await provider.lookUp({ reference: MESSAGE.reference, phone: '+22997000018', line: provider.line })).toMatchObject({
      kind: 'unsure',
      reachable: true,
    });
  });

  test('is exact with a reference that needs encoding', async () => {
    const { provider } = await rehearsal();
    const reference = 'a&b=c d+e%20/?#é';
    await provider.send({ ...MESSAGE, reference }, LATER);
    expect(await provider.lookUp({ reference, phone: MESSAGE.phone, line: provider.line })).toEqual(FOUND);
  });
});

describe('the line of the sandbox', () => {
  test.each([
    ['online', { kind: 'ready', name: 'sandbox' }],
    ['offline', { kind: 'waiting' }],
    ['timeout', { kind: 'waiting' }],
    ['conflict', { kind: 'waiting' }],
    ['loading', { kind: 'waiting' }],
    ['blocked', { kind: 'barred', code: 'session:blocked' }],
    ['banned', { kind: 'barred', code: 'device:banned' }],
    ['unpaid', { kind: 'barred', code: 'device:unpaid' }],
    ['queue-reject', { kind: 'barred', code: 'queue:reject' }],
    ['queue-freeze', { kind: 'barred', code: 'queue:freeze' }],
  ])('that is %s is seen so', async (line, state) => {
    expect(await (await rehearsal({ line })).provider.askLine()).toMatchObject(state);
  });

  test('is offline for its time, then back', async () => {
    const { provider } = await rehearsal({ offline: '0.3' });
    expect(await provider.askLine()).toMatchObject({ kind: 'waiting' });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await provider.askLine()).toMatchObject({ kind: 'ready' });
    expect(await provider.send(MESSAGE, LATER)).toEqual(ACCEPTED);
  });

  test('that refuses us needs a person, one that does not answer does not', async () => {
    expect(await (await rehearsal({ refuse: 'key' })).provider.askLine()).toMatchObject({ kind: 'barred', code: 'http:401' });
    expect(await (await rehearsal({ refuse: 'device' })).provider.askLine()).toMatchObject({ kind: 'barred', code: 'device:notfound' });
    expect(await providerAt('http://127.0.0.1:9/v1').askLine()).toMatchObject({ kind: 'unreachable' });
  });
});
