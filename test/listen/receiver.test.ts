import { expect, it } from 'vitest';
import type { Fact } from '../../src/core/incoming.ts';
import { makeReceiver } from '../../src/listen/receiver.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Inbox } from '../../src/ports/inbox.ts';

const fact = (id: string): Fact => ({ kind: 'reply', waId: id, phone: '+22901000001', text: '', at: 0, device: null, quoted: null });
const clock = { now: () => 5, turn: () => new Promise<void>((resolve) => setImmediate(resolve)) } as unknown as Clock;

/** An inbox whose inserts end when they are told to. */
function slowInbox() {
  const inserts: { ids: string[]; end(error?: Error): void }[] = [];
  const add = (facts: Fact[]) =>
    new Promise<number>((resolve, reject) => {
      inserts.push({
        ids: facts.map((one) => (one.kind === 'delivery' ? '' : one.waId)),
        end: (error) => (error === undefined ? resolve(facts.length) : reject(error)),
      });
    });
  return { inbox: { add } as unknown as Inbox, inserts };
}

it('what arrives while one insert is under way rides the next, and each caller waits for its own', async () => {
  const { inbox, inserts } = slowInbox();
  let taken = 0;
  const intake = makeReceiver(inbox, clock, {
    taken: () => {
      taken += 1;
    },
    trouble: () => undefined,
  });
  const done: string[] = [];
  const take = (id: string) => intake.take([fact(id)]).then(() => done.push(id));
  const first = [take('a'), take('b')];
  await clock.turn();
  await clock.turn();
  const second = [take('c'), take('d'), take('e')];
  await clock.turn();
  expect(inserts.map(({ ids }) => ids)).toEqual([['a', 'b']]);
  inserts[0]?.end();
  await Promise.all(first);
  expect(done).toEqual(['a', 'b']);
  expect(inserts.map(({ ids }) => ids)).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]);
  inserts[1]?.end();
  await Promise.all(second);
  expect([done.length, taken]).toEqual([5, 2]);
});

it('an insert that fails is refused to its callers, and the next goes on', async () => {
  const { inbox, inserts } = slowInbox();
  const told: string[] = [];
  const intake = makeReceiver(inbox, clock, { taken: () => undefined, trouble: (reason) => told.push(reason) });
  const lost = intake.take([fact('a')]);
  await clock.turn();
  await clock.turn();
  const kept = intake.take([fact('b')]);
  inserts[0]?.end(new Error('the disk is full'));
  await expect(lost).rejects.toThrow('the disk is full');
  expect(intake.trouble()).toBe('the disk is full');
  await clock.turn();
  inserts[1]?.end();
  await kept;
  expect(intake.trouble()).toBe(null);
  expect(told).toEqual(['the disk is full']);
});

it('a call that reports nothing writes nothing', async () => {
  const { inbox, inserts } = slowInbox();
  await makeReceiver(inbox, clock, { taken: () => undefined, trouble: () => undefined }).take([]);
  expect(inserts).toEqual([]);
});
