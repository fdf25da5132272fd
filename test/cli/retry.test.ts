import { afterEach, describe, expect, it } from 'vitest';
import { redisProgram } from '../support/env.ts';
import { startRedis } from '../support/servers.ts';
import { expectSum } from './expectations.ts';
import { events, type Outcome, Place, phones, QUICK, type Sandbox } from './program.ts';

// `retry` sends to those who had failed, and to nobody else.

const COUNT = 30;
const PHONES = phones(COUNT);
const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}', '--json', '--concurrency', '1'];

let place: Place;
let stop: () => Promise<void> = async () => undefined;
afterEach(async () => {
  await place.leave();
  await stop();
});

const sentTo = (outcome: Outcome) =>
  events(outcome)
    .filter(({ type }) => type === 'sent')
    .map(({ phone }) => phone);

describe.each(['the database', ...(redisProgram ? ['Redis'] : [])])('wsend retry with %s', { timeout: 60_000 }, (store) => {
  const begin = async (...faults: string[]): Promise<Sandbox> => {
    place = new Place(QUICK);
    place.people(COUNT);
    if (store === 'Redis') {
      const redis = await startRedis();
      place.env.REDIS_URL = redis.url;
      stop = () => redis.stop();
    }
    return place.sandbox(...faults);
  };

  it('of a campaign that is paused halfway: the failed are sent to, the others stay pending, and the pause stays what it was', async () => {
    const sandbox = await begin(`reject=${PHONES[2]},${PHONES[5]}`);
    expect((await place.run([...RUN, '--limit', '10'])).code).toBe(6);
    const still = await place.run(['retry', '1', '--json']);
    expect(still.code, still.stderr).toBe(6);
    expect(events(still).at(-1)).toMatchObject({ type: 'summary', sent: 8, failed: 2, pending: COUNT - 10, next: 'wsend resume 1' });
    await sandbox.set({ reject: '0' });

    const retried = await place.run(['retry', '1', '--json']);
    expect(retried.code, retried.stderr).toBe(6);
    expect(sentTo(retried)).toEqual([PHONES[2], PHONES[5]]);
    expect(events(retried).find(({ type }) => type === 'plan')).toMatchObject({ eta_seconds: expect.closeTo(0.04, 1), batches: 1 });
    expect(events(retried).find(({ type }) => type === 'paused')).toMatchObject({ detail: expect.stringContaining('20 others pending') });
    const summary = events(retried).at(-1) as Record<string, unknown>;
    expect(summary).toMatchObject({ sent: 10, failed: 0, pending: COUNT - 10, exit_code: 6, next: 'wsend resume 1' });
    expectSum(summary);
    const status = JSON.parse((await place.run(['status', '1', '--json'])).stdout);
    expect(status.paused).toMatchObject({ reason: 'limit', detail: '--limit 10 reached' });

    expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
  });

  it('leaves those alone that wait for a second attempt or are in doubt, beyond looking them up', async () => {
    const sandbox = await begin(`reject=${PHONES[0]}`, 'resetAfter=0.3', 'lookupFail=1');
    await place.run([...RUN, '--limit', '12']);
    await sandbox.set({ reject: '0', resetAfter: '0', lookupFail: '0', resetBefore: '0' });
    const before = (await sandbox.accepted()).map(({ phone }) => phone);
    const retried = await place.run(['retry', '1', '--json']);
    expect(retried.code, retried.stderr).toBe(6);
    const after = (await sandbox.accepted()).map(({ phone }) => phone).filter((phone) => !before.includes(phone));
    expect(after).toEqual([PHONES[0]]);
    expect(events(retried).at(-1)).toMatchObject({ in_doubt: 0, failed: 0, pending: COUNT - 12 });
    expect((await place.run(['resume', '1', '--json'])).code).toBe(0);
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
  });

  it('killed in its middle, resume goes on with them, and nobody gets it twice', async () => {
    const sandbox = await begin('reject=1');
    await place.run([...RUN, '--limit', '10']);
    await sandbox.set({ reject: '0', slow: '0.5', slowBy: '60000' });
    const retry = place.start(['retry', '1', '--json', '--concurrency', '4']);
    while ((await sandbox.accepted()).length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    retry.process.kill('SIGKILL');
    await retry.ended;
    await sandbox.set({ slow: '0' });
    const resumed = await place.run(['resume', '1', '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
  });

  it('of a finished campaign, killed as soon as they are pending: resume --all goes on with them', async () => {
    const sandbox = await begin(`reject=${PHONES[2]},${PHONES[5]}`);
    expect((await place.run([...RUN, '--json'])).code).toBe(3);
    await sandbox.set({ reject: '0' });
    const retry = place.start(['retry', '1', '--json', '--delay', '5']);
    const pending = async () => JSON.parse((await place.run(['status', '1', '--json'])).stdout).pending;
    while ((await pending()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    retry.process.kill('SIGKILL');
    await retry.ended;
    const resumed = await place.run(['resume', '--all', '--json', '--delay', '0.02']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(events(resumed).at(-1)).toMatchObject({ type: 'summary', sent: COUNT, failed: 0 });
    expect((await sandbox.accepted()).map(({ phone }) => phone).sort()).toEqual(PHONES);
  });

  it('of what the provider accepted and then failed: an attempt of its own, under a reference of its own', async () => {
    const sandbox = await begin('resetAfter=1', 'failLater=1');
    const few = ['run', '--csv', place.people(5, 'few.csv'), '--message', 'Hello {{name}}', '--json'];
    const failed = await place.run(few);
    expect(failed.code, failed.stderr).toBe(3);
    const codes = events(failed).filter(({ type }) => type === 'failed');
    expect(codes).toHaveLength(5);
    await sandbox.set({ resetAfter: '0', failLater: '0' });
    const retried = await place.run(['retry', '1', '--json']);
    expect(retried.code, retried.stderr).toBe(0);
    const accepted = await sandbox.accepted();
    expect(accepted).toHaveLength(10);
    expect(new Set(accepted.map(({ reference }) => reference)).size).toBe(10);
    expect((await place.run(['verify', '1', '--rate', '200'])).code).toBe(0);
  });
});
