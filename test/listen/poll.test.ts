import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/incoming.ts';
import { poll } from '../../src/listen/poll.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Replies } from '../../src/ports/inbox.ts';
import type { Listed } from '../../src/ports/provider.ts';

const START = Date.UTC(2026, 8, 1);

/** A clock in which waiting takes no time; it stops the polling when so much has passed. */
function clockUntil(end: number, stop: AbortController): Clock {
  let now = START;
  return {
    now: () => now,
    uptime: () => now,
    async sleep(until) {
      now = Math.max(now, until);
      if (now >= end) stop.abort();
    },
    turn: async () => undefined,
  };
}

const reply = (id: string, at: number): Fact => ({
  kind: 'reply',
  waId: id,
  phone: '+22901000001',
  text: '',
  at,
  device: null,
  quoted: null,
});

async function polled(
  answers: { deliveries?: (page: number) => Listed; chat?: (phone: string) => Listed },
  phones: string[],
  minutes: number,
) {
  const stop = new AbortController();
  const clock = clockUntil(START + minutes * 60_000, stop);
  const asked: { what: string; at: number }[] = [];
  const taken: Fact[] = [];
  const troubles: string[] = [];
  const openContacts: Replies['openContacts'] = async (after) =>
    phones.map((phone, i) => ({ message: i + 1, phone, sentAt: START })).filter(({ message }) => message > after);
  await poll(
    {
      clock,
      watcher: {
        async deliveries(_since, page) {
          asked.push({ what: `page ${page}`, at: clock.now() });
          return answers.deliveries?.(page) ?? { facts: [], more: false };
        },
        async chat(phone) {
          asked.push({ what: phone, at: clock.now() });
          return answers.chat?.(phone) ?? { facts: [], more: false };
        },
      },
      replies: { openContacts } as Replies,
      intake: { take: async (facts) => void taken.push(...facts), trouble: () => null },
      trouble: (reason) => troubles.push(reason),
    },
    stop.signal,
  );
  return { asked, taken, troubles };
}

describe('polling', () => {
  it('reads every page and every open chat once a sweep, at most one question a second', async () => {
    const { asked } = await polled({ deliveries: (page) => ({ facts: [], more: page < 2 }) }, ['+1', '+2', '+1'], 1);
    expect(asked.slice(0, 6).map(({ what }) => what)).toEqual(['page 0', 'page 1', 'page 2', '+1', '+2', 'page 0']);
    for (const [i, { at }] of asked.entries()) if (i > 0) expect(at - (asked[i - 1]?.at as number)).toBeGreaterThanOrEqual(1_000);
  });

  it('takes what is young enough to be a reply, and leaves the rest of the chat', async () => {
    const facts = [reply('new', START - 3_600_000), reply('old', START - 26 * 3_600_000)];
    const { taken } = await polled({ chat: () => ({ facts, more: false }) }, ['+1'], 0.1);
    expect(taken).toEqual([facts[0]]);
  });

  it('waits a minute after an answer that was none, and says so once', async () => {
    const { asked, troubles } = await polled({ deliveries: () => ({ problem: 'too many requests' }) }, [], 5);
    expect(troubles).toEqual(['the state of the messages cannot be read: too many requests']);
    expect(asked).toHaveLength(5);
  });
});
