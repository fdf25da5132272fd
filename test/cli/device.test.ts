import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { standIn } from '../support/stand-in.ts';
import { events, Place, phones, QUICK } from './program.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json'];
const SMALL = { ...QUICK, WASSENGER_BATCH_SIZE: '10', WASSENGER_BATCH_PAUSE_SECONDS: '0', WASSENGER_DEVICE_CHECK_SECONDS: '0.5' };

function placeWith(people: number, onTestFinished: (end: () => Promise<void>) => void, env: Record<string, string> = {}): Place {
  const place = new Place({ ...SMALL, ...env });
  onTestFinished(() => place.leave());
  place.people(people);
  return place;
}

describe('a run and its device', { timeout: 120_000 }, () => {
  it('a queue that is paused in the middle of a run: it rests, says so, and goes on once it is not', async ({ onTestFinished }) => {
    const place = placeWith(120, onTestFinished, { WASSENGER_RATE_LIMIT_SECONDS: '0.05', WASSENGER_BATCH_SIZE: '200' });
    const sandbox = await place.sandbox();
    const running = place.start(RUN);
    await running.tells('sent', 5);
    await sandbox.set({ line: 'queue-pause' });
    await running.tells('rest');
    const { length } = await sandbox.accepted();
    await wait(2_000);
    expect((await sandbox.accepted()).length).toBe(length);
    await sandbox.set({ line: 'online' });
    const ended = await running.ended;
    expect(ended.code).toBe(0);
    expect(events(ended).find(({ type }) => type === 'rest')).toMatchObject({
      reason: 'queue_paused',
      detail: 'the queue of the device is paused',
    });
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(phones(120).sort());
  });

  it('a device that delivers slowly: never more than a batch waits in its queue, and everybody has it once', async ({ onTestFinished }) => {
    const account = await standIn();
    const place = placeWith(40, onTestFinished, account.env);
    onTestFinished(() => account.close());
    account.perMinute = 60;
    const ended = await place.run([...RUN, '--delay', '0']);
    expect(ended.code).toBe(0);
    expect(account.mostWaiting).toBeLessThanOrEqual(10);
    expect(account.phones()).toEqual(phones(40).sort());
    expect(new Set(account.retries)).toEqual(new Set([3]));
    expect(events(ended).filter(({ type, reason }) => type === 'rest' && reason === 'queue_full').length).toBeGreaterThan(0);
  });

  it('without a limit, and from a device that tells nothing of its queue, nothing is waited for', async ({ onTestFinished }) => {
    for (const [limit, queue] of [
      ['0', { status: 'active', messages: 0 }],
      ['', { status: 'active' }],
    ] as const) {
      const account = await standIn();
      const place = placeWith(40, onTestFinished, { ...account.env, WASSENGER_QUEUE_LIMIT: limit, WASSENGER_RETRIES: '7' });
      onTestFinished(() => account.close());
      Object.assign(account, { perMinute: 1, device: { ...account.device, queue } });
      expect((await place.run([...RUN, '--delay', '0'])).code).toBe(0);
      expect(account.mostWaiting).toBeGreaterThan(30);
      expect(new Set(account.retries)).toEqual(new Set([7]));
    }
  });
});

describe('wsend doctor', { timeout: 60_000 }, () => {
  const account = async (onTestFinished: (end: () => Promise<void>) => void, env: Record<string, string> = {}) => {
    const found = await standIn();
    onTestFinished(() => found.close());
    return {
      found,
      place: placeWith(1, onTestFinished, { ...found.env, WASSENGER_RATE_LIMIT_SECONDS: '3', WASSENGER_BATCH_SIZE: '', ...env }),
    };
  };

  it('has a line with what to do for each way in which a device stands in the way', async ({ onTestFinished }) => {
    const { found, place } = await account(onTestFinished);
    expect((await place.run(['doctor'])).stdout).toMatch(/Everything is ready\.\n$/);
    Object.assign(found.device, {
      queue: { status: 'pause', messages: 0 },
      connector: 'cloud',
      billing: { subscription: { product: 'gateway' } },
      settings: { deliverySpeed: 2, operativeHours: { enable: true, timezone: 'Africa/Porto-Novo' } },
    });
    const doctor = await place.run(['doctor', '--json']);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { what: string; state: string; detail: string; next?: string }[] };
    const warned = findings.filter(({ what, state }) => what === 'line' && state === 'warning');
    expect(warned.map(({ detail }) => detail)).toEqual([
      'not ready now: the queue of the device is paused',
      expect.stringContaining('official API'),
      expect.stringContaining('plan of the device (gateway)'),
      expect.stringContaining('delivers 2 messages a minute'),
      expect.stringContaining('opening hours (Africa/Porto-Novo)'),
    ]);
    for (const { next } of warned) expect(next).toMatch(/^[A-Z].{20,}\.$/);
    expect(doctor.stdout).not.toContain(found.env.WASSENGER_API_KEY);
  });

  it('looks for our webhook among those that Wassenger calls, and shows the secret of none', async ({ onTestFinished }) => {
    const env = { WASSENGER_WEBHOOK_SECRET: SECRET };
    const { found, place } = await account(onTestFinished, env);
    const doctor = async () => (await place.run(['doctor'])).stdout;
    expect(await doctor()).not.toContain('webhook');
    found.webhooks = [{ url: 'https://crm.example.org/hooks/other-secret', events: ['message:in:new'] }];
    const none = await doctor();
    expect(none).toMatch(
      /^warning webhook +Wassenger calls no webhook at .*<WASSENGER_WEBHOOK_SECRET> for this device\n {22}Make one with/m,
    );
    expect(none).not.toMatch(/other-secret|that-nobody-guesses/);
    const ours = { url: `https://hooks.example.org/webhooks/wassenger/${SECRET}`, status: 'active', events: ['message:out:sent'] };
    found.webhooks = [ours];
    expect(await doctor()).toMatch(/^warning webhook +the webhook at .* does not report message:in:new/m);
    found.webhooks = [{ ...ours, events: ['message:in:new', 'message:out:ack', 'message:out:failed'] }];
    expect(await doctor()).toMatch(/^ok +webhook +Wassenger calls it\nEverything is ready\.\n$/m);
  });

  it('and every other command name a setting that is misspelt, with the one that was meant', async ({ onTestFinished }) => {
    const { place } = await account(onTestFinished);
    place.write('.env', 'WASSENGER_BATCHSIZE=50\nWASSENGER_API_TOKEN=a-key-of-somebody\n');
    const doctor = await place.run(['doctor']);
    expect(doctor.stdout).toMatch(
      /^warning configuration WASSENGER_BATCHSIZE \(from \.env\) is not a setting; did you mean WASSENGER_BATCH_SIZE\?$/m,
    );
    expect(doctor.stdout + doctor.stderr).not.toContain('a-key-of-somebody');
    expect((await place.run(['estimate', '--count', '10'])).stderr).toContain('did you mean WASSENGER_API_KEY?');
  });
});
