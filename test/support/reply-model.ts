import fc from 'fast-check';
import { expect } from 'vitest';
import type { DeliveryState, Fact } from '../../src/core/incoming.ts';

/** People and campaigns of one story, small numbers that each world maps to its own. */
export const PEOPLE = [0, 1] as const;
export const CAMPAIGNS = [
  { campaign: 0, hasMessage2: true },
  { campaign: 1, hasMessage2: true },
  { campaign: 2, hasMessage2: false },
] as const;

/** A world in which the story happens: the pure core alone, or a real database. All campaigns are being sent, everyone is pending. */
export interface ReplyWorld {
  /** The outcome of a Message 1, which left at `at`, reaches the database. */
  recordSent(send: Send): Promise<void>;
  delivery(send: Send, state: DeliveryState, at: number): Fact;
  phone(person: number): string;
  add(fact: Fact, now: number): Promise<void>;
  workOff(now: number): Promise<void>;
  optOut(person: number, out: boolean): Promise<void>;
  /** One entry for each Message 2 row there is. */
  message2(): Promise<{ campaign: number; person: number }[]>;
}

export interface Send {
  campaign: number;
  person: number;
  at: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

type Step =
  | { do: 'send'; campaign: number; person: number; overtaken: boolean }
  | { do: 'reply' | 'stop' | 'react' | 'out' | 'in'; person: number }
  | { do: 'repeat'; which: number }
  | { do: 'deliver'; which: number; state: DeliveryState };

const person = fc.constantFrom(...PEOPLE);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      campaign: fc.constantFrom(0, 1, 2),
      person,
      overtaken: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('reply' as const), person }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'react' as const, 'out' as const, 'in' as const), person }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), which: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      which: fc.nat(5),
      state: fc.constantFrom<DeliveryState[]>('sent', 'delivered', 'read', 'failed'),
    }),
  },
);

/** What happens, and how long after it nothing does: steps around the edge of 24 h among them, none so short that the clocks' tolerance blurs it. */
const wait = fc.oneof(
  fc.integer({ min: 2 * MINUTE, max: 90 * MINUTE }),
  fc.constantFrom(DAY, DAY + 1, DAY - 1, DAY / 2, DAY / 2 + 1, DAY - 5 * MINUTE, 5 * MINUTE),
);
export const story = fc.array(fc.tuple(step, wait), { minLength: 1, maxLength: 25 });
export type Story = [Step, number][];

/** Lives through a story and compares the Message 2 that were made with those that the rule asks for. */
export async function liveThrough(world: ReplyWorld, steps: Story, start: number): Promise<void> {
  let now = start;
  const sends: (Send & { failedAt: number })[] = [];
  const facts: Fact[] = [];
  const due = new Set<string>();
  const out = new Set<number>();

  const add = async (fact: Fact) => {
    facts.push(fact);
    await world.add(fact, now);
    await world.workOff(now);
  };
  /** The rule, in the words of the specification. */
  const replied = (who: number, at: number) => {
    const open = sends.filter((send) => send.person === who && send.at - MINUTE <= at && at <= send.at + DAY && send.failedAt > now);
    const latest = open.sort((a, b) => b.at - a.at)[0];
    if (latest !== undefined && CAMPAIGNS[latest.campaign]?.hasMessage2 && !out.has(who)) due.add(`${latest.campaign}/${who}`);
  };
  let names = 0;
  const reply = async (who: number, text: string) => {
    names += 1;
    const fact: Fact = {
      ...{ kind: 'reply', waId: `W${start}-${names}`, phone: world.phone(who), text, at: now, device: null, quoted: null },
    };
    await add(fact);
  };

  for (const [what, pause] of steps) {
    switch (what.do) {
      case 'send': {
        if (sends.some(({ campaign, person }) => campaign === what.campaign && person === what.person)) break;
        const send = { campaign: what.campaign, person: what.person, at: now, failedAt: Number.POSITIVE_INFINITY };
        if (what.overtaken) {
          now += 1_000;
          await reply(what.person, 'so fast');
          now += 2_000;
          await world.workOff(now);
        }
        sends.push(send);
        await world.recordSent(send);
        if (what.overtaken) replied(what.person, send.at + 1_000);
        break;
      }
      case 'reply':
        replied(what.person, now);
        await reply(what.person, 'yes please');
        break;
      case 'stop':
        await reply(what.person, 'Stop.');
        out.add(what.person);
        break;
      case 'react':
        names += 1;
        await add({
          ...{
            kind: 'reaction',
            waId: `R${start}-${names}`,
            phone: world.phone(what.person),
            emoji: '👍',
            target: null,
            at: now,
            device: null,
          },
        });
        break;
      case 'out':
      case 'in':
        await world.optOut(what.person, what.do === 'out');
        if (what.do === 'out') out.add(what.person);
        else out.delete(what.person);
        break;
      case 'repeat': {
        const again = facts[what.which];
        // The provider repeats for a day.
        if (again !== undefined && now - again.at < DAY) await world.add(again, now);
        break;
      }
      case 'deliver': {
        const send = sends[what.which];
        if (send === undefined) break;
        await add(world.delivery(send, what.state, now));
        if (what.state === 'failed' && send.failedAt === Number.POSITIVE_INFINITY && !delivered(send)) send.failedAt = now;
        if (what.state === 'delivered' || what.state === 'read') send.failedAt = Number.POSITIVE_INFINITY;
        if (what.state === 'delivered' || what.state === 'read') reached.add(send);
        break;
      }
    }
    await world.workOff(now);
    await world.workOff(now + 11_000);
    await world.workOff(now + 71_000);
    now += pause;
  }
  await world.workOff(now + 3 * DAY);
  const made = (await world.message2()).map(({ campaign, person: who }) => `${campaign}/${who}`);
  expect(made.sort()).toEqual([...due].sort());
}

const reached = new WeakSet<Send>();
function delivered(send: Send): boolean {
  return reached.has(send);
}
