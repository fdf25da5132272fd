import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatabaseUnreachable } from '../src/errors.ts';
import { accepted, answers, endAllRight, faults, faultyFor, kills, unknown } from './support/answers.ts';
import { POLICY, SimWorld } from './support/sim-world.ts';

/** The provider reports each message that it takes so much later, and `wsend listen` works it off; `fails` says which it could not deliver. */
function reporting(world: SimWorld, afterMs: (nth: number) => number, fails: (nth: number) => boolean = () => false): void {
  let nth = 0;
  world.provider.onAccept = ({ reference, phone }) => {
    const one = ++nth;
    const { message } = world.store.rows.find((row) => row.phone === phone) as { message: number };
    const tell = () => world.store.report(message, { providerId: `p-${reference}`, at: world.clock.now(), failed: fails(one) });
    const at = world.clock.now() + afterMs(one);
    if (at <= world.clock.now()) tell();
    else void world.clock.sleep(at).then(tell);
  };
}

/** The first answer is lost after the message was taken, and the provider's list shows it to nobody. */
function lostAndHidden(world: SimWorld, which = (call: number) => call === 1): void {
  const hidden = new Set<string>();
  world.provider.behave = (call, { reference }) => {
    if (!which(call)) return answers(accepted);
    hidden.add(reference);
    return answers(unknown('reset'), true, 0);
  };
  world.provider.lookUpFault = (reference) => (hidden.has(reference) ? { kind: 'unsure', reason: 'hidden', reachable: true } : null);
}

const told = (world: SimWorld, message = 1) =>
  world.events.flatMap((event) => ('message' in event && event.message === message ? [event.type] : []));

function isSettled(world: SimWorld, counted: { sent: number; failed: number }): void {
  expect(world.provider.duplicates()).toEqual([]);
  expect(world.kept().recipients.size).toBe(0);
  expect(world.kept().counted).toEqual(counted);
  expect(world.events.findLast(({ type }) => type === 'summary')).toMatchObject({ progress: { ...counted, pending: 0, inDoubt: 0 } });
}

describe('a report that carries our reference', () => {
  it('arrives before the answer, as a rule: sent, told and counted once, at the time of the claim', async () => {
    const world = new SimWorld(3);
    world.provider.behave = () => answers(accepted, true, 2_500);
    reporting(world, (nth) => 1_000 * (nth - 1));
    const begin = world.clock.now();
    expect((await world.finish()).exitCode).toBe(0);
    expect(told(world)).toEqual(['sent']);
    expect(world.store.rows[0]).toMatchObject({ status: 'sent', sentAt: begin, error: null });
    isSettled(world, { sent: 3, failed: 0 });
  });

  it('arrives while its message is looked up in vain: sent, and nobody was in doubt', async () => {
    const world = new SimWorld(3);
    lostAndHidden(world);
    reporting(world, () => 4_000);
    expect((await world.finish()).exitCode).toBe(0);
    expect(told(world)).toEqual(['sent']);
    isSettled(world, { sent: 3, failed: 0 });
  });

  it('arrives after the look-up: in doubt for a while, and sent before the run ends', async () => {
    const world = new SimWorld(12);
    lostAndHidden(world);
    reporting(world, () => 20_000);
    expect((await world.finish()).exitCode).toBe(0);
    expect(told(world)).toEqual(['in_doubt', 'sent']);
    isSettled(world, { sent: 12, failed: 0 });
  });

  it('arrives while the database does not answer: in doubt until it does', async () => {
    const world = new SimWorld(12);
    lostAndHidden(world);
    reporting(world, () => 4_000);
    const until = world.clock.now() + 20_000;
    world.store.before = async (operation) => {
      if (operation === 'settled' && world.clock.now() < until) throw new DatabaseUnreachable('gone');
    };
    expect((await world.finish()).exitCode).toBe(0);
    expect(told(world)).toEqual(['in_doubt', 'sent']);
    isSettled(world, { sent: 12, failed: 0 });
  });

  it('settles a doubt of a run that goes on before its next batch', async () => {
    const world = new SimWorld(12);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 6, batchPauseMs: 10_000 } };
    lostAndHidden(world);
    reporting(world, () => 14_000);
    expect((await world.finish()).exitCode).toBe(0);
    const order = world.events.flatMap((event) => ('message' in event ? [`${event.type} ${event.message}`] : []));
    expect(order.indexOf('sent 1')).toBeGreaterThan(order.indexOf('in_doubt 1'));
    expect(order.indexOf('sent 1')).toBeLessThan(order.indexOf('sent 8'));
    isSettled(world, { sent: 12, failed: 0 });
  });

  it('arrives after the run: resume forgets the doubt, sends nothing and ends with 0', async () => {
    const world = new SimWorld(3);
    lostAndHidden(world);
    expect((await world.finish()).exitCode).toBe(3);
    world.store.report(1, { providerId: 'w', at: world.clock.now(), failed: false });
    expect((await world.finish()).exitCode).toBe(0);
    expect(world.provider.starts).toHaveLength(3);
    expect(told(world)).toEqual(['in_doubt']);
    isSettled(world, { sent: 3, failed: 0 });
  });

  it('arrives after a list that is up to date has proved the message absent: it is not sent again', async () => {
    const world = new SimWorld(30);
    const behave = answers(unknown('timeout'), true, 100);
    let first = '';
    world.provider.behave = (call, { reference }) => {
      if (call > 1) return answers(accepted);
      first = reference;
      return behave;
    };
    world.provider.loses = (reference) => reference === first;
    reporting(world, (nth) => (nth === 1 ? 30_000 : 0));
    expect((await world.finish()).exitCode).toBe(0);
    expect(told(world)).toEqual(['retry', 'sent']);
    isSettled(world, { sent: 30, failed: 0 });
  });

  it('says that a message in doubt has failed: failed, with the code of the provider, and counted once', async () => {
    const world = new SimWorld(12);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 6, batchPauseMs: 10_000 } };
    lostAndHidden(world);
    reporting(
      world,
      () => 14_000,
      (nth) => nth === 1,
    );
    expect((await world.finish()).exitCode).toBe(3);
    expect(told(world)).toEqual(['in_doubt', 'failed']);
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'failed', message: 1, code: 'number:notfound' }));
    isSettled(world, { sent: 11, failed: 1 });
  });

  it('says that a message which waits for its next attempt has failed: counted once, and no failure of those that were sent', async () => {
    const world = new SimWorld(30);
    world.policy = { ...POLICY, pace: { delayMs: 3_000, batchSize: 10, batchPauseMs: 10_000 } };
    let first = '';
    world.provider.behave = (call, { reference }) => {
      if (call > 1) return answers(accepted);
      first = reference;
      return answers(unknown('timeout'), true, 100);
    };
    world.provider.loses = (reference) => reference === first;
    reporting(
      world,
      (nth) => (nth === 1 ? 20_000 : 0),
      (nth) => nth === 1,
    );
    expect((await world.finish()).exitCode).toBe(3);
    expect(told(world)).toEqual(['retry', 'failed']);
    expect(world.events.filter(({ type }) => type === 'notice')).toEqual([]);
    isSettled(world, { sent: 29, failed: 1 });
  });

  it('says that a message has failed before its answer says that it was taken: failed it stays', async () => {
    const world = new SimWorld(3);
    world.provider.behave = () => answers(accepted, true, 2_500);
    reporting(
      world,
      () => 1_000,
      (nth) => nth === 1,
    );
    expect((await world.finish()).exitCode).toBe(3);
    expect(world.statuses()).toEqual({ sent: 2, failed: 1 });
    isSettled(world, { sent: 2, failed: 1 });
  });

  it('may come whenever it comes, whoever dies when and whatever the answers: nobody gets it twice, and all counts agree', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 15 }),
        faults,
        kills,
        fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 3 }),
        async (count, faulty, killed, delays, failing) => {
          const world = new SimWorld(count);
          world.policy = { ...POLICY, pace: { delayMs: 2_000, batchSize: 4, batchPauseMs: 4_000 } };
          world.provider.behave = faultyFor(60, faulty);
          const failed = (nth: number) => nth % 4 < failing;
          reporting(world, (nth) => delays[nth % delays.length] as number, failed);
          for (const { call, after } of killed) await world.killed(call, { after });
          await endAllRight(world).catch((error) => {
            if (!String(error).includes('it never ends')) throw error;
          });
          // Reports that are still on their way.
          await world.clock.run(world.clock.sleep(world.clock.now() + 100_000));
          await world.finish();
          if (world.bugs.length > 0) throw world.bugs[0];
          expect(world.provider.duplicates()).toEqual([]);
          const nths = new Map(world.provider.accepted.map(({ phone }, i) => [phone, i + 1]));
          for (const row of world.store.rows) {
            const nth = nths.get(row.phone);
            if (nth !== undefined) expect(row.status).toBe(failed(nth) ? 'failed' : 'sent');
          }
          const { sent = 0, failed: lost = 0, pending = 0 } = world.statuses();
          expect(world.kept().counted).toEqual({ sent, failed: lost });
          if (pending === 0) expect(world.kept().recipients.size).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});

it('what a report says of a recipient in doubt outweighs the operator who calls it sent', async () => {
  const world = new SimWorld(2);
  const hidden = new Set<string>();
  world.provider.behave = (_call, { reference }) => {
    hidden.add(reference);
    return answers(unknown('reset'), true, 0);
  };
  world.provider.lookUpFault = (reference) => (hidden.has(reference) ? { kind: 'unsure', reason: 'hidden', reachable: true } : null);
  await world.finish();
  expect(world.kept().doubts).toHaveLength(2);
  let doubts = 0;
  world.onEvent = ({ type }) => {
    doubts += type === 'in_doubt' ? 1 : 0;
    if (type === 'in_doubt' && doubts === 2) world.store.report(1, { providerId: 'w', at: world.clock.now(), failed: true });
  };
  await world.finish({ sending: false, assume: 'sent' });
  expect(world.store.rows.map(({ status }) => status)).toEqual(['failed', 'sent']);
  expect(world.kept().counted).toEqual({ sent: 1, failed: 1 });
});
