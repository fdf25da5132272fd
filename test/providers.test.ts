import { afterEach, describe, expect, it } from 'vitest';
import { doctor } from '../src/commands/doctor.ts';
import { listen } from '../src/commands/listen.ts';
import { reconcile } from '../src/commands/reconcile.ts';
import { resume } from '../src/commands/resume.ts';
import { run } from '../src/commands/run.ts';
import { status } from '../src/commands/status.ts';
import { verify } from '../src/commands/verify.ts';
import { phones } from './cli/program.ts';
import { openLoft, WORD } from './support/pigeon/loft.ts';
import { Office } from './support/pigeon/office.ts';

// A second provider, in a folder of its own and in the table of providers: no look-up, a GET challenge, another signature, events of its own.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function scene(env: Record<string, string> = {}) {
  const loft = await openLoft();
  const office = new Office({ ...loft.env, ...env });
  closers.push(loft.close, () => office.leave());
  const rows = phones(3).map((phone, i) => `${phone},Person ${i}\n`);
  const csv = office.write('people.csv', `phone,name\n${rows.join('')}`);
  const send = () => office.run((world) => run(world, { csv, message: 'Hello {{name}}', message2: 'Thank you {{name}}', yes: true }));
  const again = () => office.run((world) => resume(world, { id: '1' }));
  /** A listener, until it is stopped. */
  const listening = async () => {
    const listener = office.start((world) => listen(world, { port: '0', host: '127.0.0.1' }));
    const { url } = (await listener.tells('listening')) as { url: string };
    const stop = async () => {
      listener.stop();
      return listener.ended;
    };
    return { url, stop };
  };
  const counts = async () => (await office.run((world) => status(world, { id: '1' }))).told[0];
  return { loft, office, send, again, listening, counts };
}

describe('a provider that has nothing in common with the first', () => {
  it('runs a campaign to its end, and a reply over its webhook brings Message 2', async () => {
    const { loft, send, listening, counts } = await scene();
    expect(await send()).toMatchObject({
      code: 0,
      told: expect.arrayContaining([expect.objectContaining({ type: 'sent', provider_id: 'bird-1' })]),
    });
    expect(loft.birds.map(({ to, text, from }) => [to, text, from])).toEqual(
      phones(3).map((phone, i) => [phone, `Hello Person ${i}`, 'north']),
    );

    const { url, stop } = await listening();
    const when = new Date().toISOString();
    expect(await loft.tell(url, [{ what: 'note', pigeon: 'in-1', from: phones(3)[1], text: 'Yes!', when }, { what: 'weather' }])).toBe(200);
    await expect.poll(() => loft.birds.length, { timeout: 30_000 }).toBe(4);
    expect(loft.birds[3]).toMatchObject({ to: phones(3)[1], text: 'Thank you Person 1' });
    expect(await loft.tell(url, [{ what: 'landed', pigeon: 'bird-1', tag: loft.birds[0]?.tag, to: loft.birds[0]?.to, when }])).toBe(200);
    await stop();
    expect(await counts()).toMatchObject({
      sent: 3,
      pending: 0,
      failed: 0,
      in_doubt: 0,
      message_2: expect.objectContaining({ sent: 1 }),
      delivered: 1,
    });
  });

  it('answers its challenge, and refuses who does not know the word or has no seal', async () => {
    const { loft, listening } = await scene();
    const { url, stop } = await listening();
    const asked = async (query: string) => {
      const answer = await fetch(`${url}/webhooks/pigeon?${query}`);
      return [answer.status, await answer.text()];
    };
    expect(await asked(`word=${WORD}&echo=4711`)).toEqual([200, '4711']);
    expect(await asked('word=wrong&echo=4711')).toEqual([403, '{"message":"refused"}']);
    expect(await asked('echo=4711')).toEqual([403, '{"message":"refused"}']);
    expect(await loft.tell(url, [], 'another seal')).toBe(401);
    expect(await loft.tell(url, [])).toBe(200);
    expect((await fetch(`${url}/webhooks/wassenger/${'x'.repeat(20)}`, { method: 'POST', body: '{}' })).status).toBe(404);
    await stop();
  });

  it('an answer that is lost leaves a doubt, which no run sends again; a report settles it', async () => {
    const { loft, send, again, listening, counts } = await scene();
    loft.loses = (nth) => nth === 2;
    const ended = await send();
    expect(ended.code).toBe(3);
    expect(ended.told.at(-1)).toMatchObject({ type: 'summary', sent: 2, in_doubt: 1, pending: 0 });
    expect(ended.told.find(({ type }) => type === 'in_doubt')).toMatchObject({ reason: 'Pigeon cannot be asked what became of a message' });
    expect((await again()).code).toBe(3);
    expect(loft.birds).toHaveLength(3);

    const { url, stop } = await listening();
    const { pigeon, tag, to } = loft.birds[1] as (typeof loft.birds)[number];
    expect(await loft.tell(url, [{ what: 'landed', pigeon, tag, to, when: new Date().toISOString() }])).toBe(200);
    await expect.poll(counts, { timeout: 30_000 }).toMatchObject({ sent: 3, in_doubt: 0 });
    await stop();
    expect((await again()).code).toBe(0);
    expect(loft.birds).toHaveLength(3);
  });

  it("a doubt is settled by the operator's word, too: who got nothing is sent to once", async () => {
    const { loft, office, send, again } = await scene();
    loft.loses = (nth) => nth === 2;
    expect((await send()).code).toBe(3);
    loft.loses = () => false;
    expect((await office.run((world) => reconcile(world, { id: '1', assume: 'absent', yes: true }))).code).toBe(0);
    expect((await again()).code).toBe(0);
    expect(loft.birds.map(({ to }) => to)).toEqual([...phones(3), phones(3)[1]]);
  });
});

it('a rehearsal goes to the stand-in of this machine, whichever provider is wanted', async () => {
  const { loft, office } = await scene();
  const csv = office.write('few.csv', `phone\n${phones(2).join('\n')}\n`);
  const rehearsed = await office.run((world) => run(world, { csv, message: 'Hello', yes: true }), { sandbox: true });
  expect(rehearsed).toMatchObject({ code: 0, told: expect.arrayContaining([expect.objectContaining({ type: 'summary', sent: 2 })]) });
  expect(loft.birds).toEqual([]);
});

describe('what cannot be asked of it', () => {
  it('verify and listen --poll say so in a sentence, and exit 2', async () => {
    const { office, send } = await scene();
    await send();
    expect(await office.run((world) => verify(world, { id: '1' }))).toMatchObject({
      code: 2,
      said: 'Pigeon cannot be asked which messages it has: there is nothing to compare campaign 1 with',
    });
    expect(await office.run((world) => listen(world, { port: '0', host: '127.0.0.1', poll: true }))).toMatchObject({
      code: 2,
      said: 'Pigeon cannot be asked for replies and reports: --poll has nothing to ask',
    });
  });

  it('doctor says so, and finds no problem in it', async () => {
    const { office } = await scene();
    const { code, told } = await office.run((world) => doctor(world, {}));
    const line = (told[0] as { findings: { what: string }[] }).findings.filter(({ what }) => what === 'line');
    expect([code, line]).toEqual([
      0,
      [
        expect.objectContaining({ state: 'ready', detail: 'Pigeon cannot be asked how the line is' }),
        expect.objectContaining({ state: 'warning', detail: expect.stringContaining('cannot be asked what became of a message') }),
      ],
    ]);
  });
});

describe('what lacks in its settings', () => {
  it('is named with its own variables, each with what is allowed', async () => {
    const { office, send, listening } = await scene({ PIGEON_TOKEN: '', PIGEON_SEAL: '' });
    expect(await send()).toMatchObject({ code: 2, said: expect.stringContaining('PIGEON_TOKEN is not set; allowed: a text') });
    await expect(listening()).rejects.toThrow('PIGEON_SEAL is not set; allowed: a text');
    expect(await office.run((world) => doctor(world, {}))).toMatchObject({ code: 2 });
  });

  it('a provider that is in no table is refused, with the names of those that are', async () => {
    const { send } = await scene({ WSEND_PROVIDER: 'owl' });
    const { code, said } = await send();
    expect([code, said]).toEqual([2, 'WSEND_PROVIDER is "owl" (from the environment); allowed: wassenger, pigeon']);
  });
});
