import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueAgain } from '../../src/adapters/sql/inbox/work-off.ts';
import { afterDelivery, type DeliveryRow } from '../../src/core/delivery.ts';
import { factKey } from '../../src/core/fact.ts';
import type { Fact } from '../../src/core/incoming.ts';
import { answeredMessage1, bringsMessage2, type SentMessage1 } from '../../src/core/reply.ts';
import { COURTESY, isStopWord, STOP_WORDS } from '../../src/core/stop-words.ts';
import { CAMPAIGNS, liveThrough, type ReplyWorld, type Send, story } from '../support/reply-model.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AT = Date.UTC(2026, 8, 1, 10);

const sent = (campaign: number, sentAt: number): SentMessage1 => ({ campaign, contact: 1, message: campaign * 100, sentAt });
const moment = (at: number, fields = {}) => ({ at, receivedAt: at, now: at, pending: false, ...fields });

describe('a reply', () => {
  it.each([
    ['an hour after Message 1', HOUR, true],
    ['exactly 24 h after it', DAY, true],
    ['a millisecond later', DAY + 1, false],
    ['up to a minute before our record of it, for the stamp has whole seconds', -60_000, true],
    ['earlier than that', -60_001, false],
  ])('%s', (_, after, answers) => {
    expect(answeredMessage1([sent(1, AT)], moment(AT + after))).toEqual(answers ? sent(1, AT) : null);
  });

  it('answers the latest of several campaigns that was out when it was written', () => {
    const campaigns = [sent(1, AT), sent(3, AT + 5 * HOUR), sent(2, AT + HOUR)];
    expect(answeredMessage1(campaigns, moment(AT + 2 * HOUR))).toEqual(sent(2, AT + HOUR));
  });

  it('that may have overtaken our own record of Message 1 waits for it', () => {
    expect(answeredMessage1([], moment(AT, { pending: true }))).toBe('wait');
    expect(answeredMessage1([], moment(AT, { pending: true, now: AT + DAY }))).toBe(null);
  });

  it('to an earlier campaign is held up for ten seconds at most by a later one that is still to be sent', () => {
    const earlier = [sent(1, AT - HOUR)];
    expect(answeredMessage1(earlier, moment(AT, { pending: true, now: AT + 9_999 }))).toBe('wait');
    expect(answeredMessage1(earlier, moment(AT, { pending: true, now: AT + 10_000 }))).toEqual(earlier[0]);
  });

  it('Property 5, Message 1 and Message 2: Message 2 goes to a contact at most once per campaign, and exactly when the rule says so', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => liveThrough(pureWorld(), steps, AT)),
      { numRuns: 2_000 },
    );
  });
});

const RULES = { words: STOP_WORDS, courtesy: COURTESY };

describe('a stop word', () => {
  it.each([
    'STOP',
    'stop',
    ' Stop. ',
    '"STOP"',
    '*stop*',
    'Arrêt',
    'ARRÊTER',
    'arreter!',
    'stopp',
    'BAJA',
    'Désinscrire',
    'opt-out',
    '🛑 STOP',
    'STOP SVP',
    'stop please',
    'Please, stop! 🙏',
    'arrêt merci',
    "Arrêt s'il vous plaît, merci beaucoup",
    'Sair, por favor. Obrigado',
    'Stopp bitte, danke',
    'STOP STOP STOP',
    'opt-out, thanks',
  ])('%s ends all messages', (text) => expect(isStopWord(text, RULES)).toBe(true));
  it.each([
    '',
    '.',
    '🛑',
    'please',
    'merci',
    "please don't stop",
    'thanks for the stop',
    'stop it',
    'bus stop',
    'stopping',
    'non-stop',
    'ok',
    `stop${'!'.repeat(500)}`,
  ])('%s does not', (text) => expect(isStopWord(text, RULES)).toBe(false));
  it('stands alone where the operator allows no courtesy', () => {
    expect(isStopWord('stop please', { words: STOP_WORDS, courtesy: [] })).toBe(false);
  });
});

describe('deliveries', () => {
  const row: DeliveryRow = { status: 'sent', deliveredAt: null, readAt: null, error: null };
  const report = fc.record({
    state: fc.constantFrom('sent' as const, 'delivered' as const, 'read' as const, 'failed' as const),
    at: fc.integer({ min: AT, max: AT + DAY }),
    failure: fc.constant({ code: 'number:notfound', reason: 'gone' }),
    current: fc.boolean(),
  });
  const RANK = ['pending', 'sent', 'failed', 'delivered', 'read'];

  it('leave a message the same whatever the order in which they arrive, and however often', () => {
    fc.assert(
      fc.property(fc.array(report, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (reports, luck) => {
        const shuffled = [...reports, ...reports].map((one) => ({ one, key: luck.next().value })).sort((a, b) => a.key - b.key);
        const end = reports.reduce(afterDelivery, row);
        expect(shuffled.map(({ one }) => one).reduce(afterDelivery, row)).toEqual(end);
      }),
    );
  });

  it('only ever move a message forward', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RANK), report, (status, one) => {
        expect(RANK.indexOf(afterDelivery({ ...row, status }, one).status)).toBeGreaterThanOrEqual(RANK.indexOf(status));
      }),
    );
  });

  it('never fail one that was delivered, nor one that is pending again', () => {
    const failure = { state: 'failed', at: AT, failure: { code: 'a', reason: 'b' }, current: true } as const;
    for (const status of ['delivered', 'read', 'pending', 'failed']) expect(afterDelivery({ ...row, status }, failure).status).toBe(status);
    expect(afterDelivery(row, failure)).toEqual({ ...row, status: 'failed', error: 'a: b' });
    expect(afterDelivery(row, { ...failure, current: false })).toEqual(row);
  });

  it('keep the earliest time of each', () => {
    const read = afterDelivery(row, { state: 'read', at: AT + 10, failure: null, current: true });
    const late = afterDelivery(read, { state: 'delivered', at: AT, failure: null, current: true });
    expect(late).toEqual({ status: 'read', deliveredAt: AT, readAt: AT + 10, error: null });
  });
});

describe('a fact that waits for our own record', () => {
  const ack: Fact = {
    ...{ kind: 'delivery', ids: { waId: 'A', providerId: null }, state: 'read', at: AT, failure: null },
    ...{ phone: null, reference: null, device: null },
  };
  it('is tried after 1 s, 2 s, 4 s … 60 s, for ten minutes', () => {
    const waits = [0, 1, 2, 5, 6, 20].map((tries) => (dueAgain(ack, { tries, receivedAt: AT, now: AT }) as number) - AT);
    expect(waits).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
    expect(dueAgain(ack, { tries: 3, receivedAt: AT, now: AT + 600_000 })).toBe(null);
  });
  it('a reply until its 24 h are over', () => {
    const reply: Fact = { kind: 'reply', waId: 'A', phone: '+22901000000', text: '', at: AT, device: null, quoted: null };
    expect(dueAgain(reply, { tries: 99, receivedAt: AT, now: AT + DAY - 1 })).toBe(AT + DAY);
    expect(dueAgain(reply, { tries: 99, receivedAt: AT, now: AT + DAY })).toBe(null);
  });
});

/** The rule played by the pure functions alone. */
function pureWorld(): ReplyWorld {
  const rows = new Map<Send, DeliveryRow>();
  const inbox = new Map<string, { fact: Fact; receivedAt: number; tries: number; dueAt: number | null }>();
  const out = new Set<string>();
  const made: { campaign: number; person: number }[] = [];
  const phone = (person: number) => `+2290100000${person}`;
  const nameOf = ({ campaign, person }: Send) => `m-${campaign}-${person}`;

  /** True when it is done. */
  function work(fact: Fact, receivedAt: number, now: number): boolean {
    if (fact.kind === 'reaction') return true;
    if (fact.kind === 'delivery') {
      const send = [...rows.keys()].find((one) => nameOf(one) === fact.ids.waId);
      if (send !== undefined) rows.set(send, afterDelivery(rows.get(send) as DeliveryRow, { ...fact, current: true }));
      return send !== undefined;
    }
    const from = String(fact.phone);
    const person = Number(from.at(-1));
    const stops = isStopWord(fact.text, RULES);
    const theirs = [...rows].filter(([send, { status }]) => send.person === person && ['sent', 'delivered', 'read'].includes(status));
    const pending =
      !stops && CAMPAIGNS.some(({ campaign }) => ![...rows.keys()].some((send) => send.person === person && send.campaign === campaign));
    const candidates = theirs.map(([{ campaign, at }]) => ({ campaign, contact: person, message: campaign, sentAt: at }));
    const answered = answeredMessage1(candidates, { at: fact.at, receivedAt, now, pending });
    if (answered === 'wait') return false;
    if (stops) out.add(from);
    if (answered === null) return true;
    const known = {
      hasMessage2: CAMPAIGNS[answered.campaign]?.hasMessage2 === true,
      optedOut: out.has(from),
      alreadyMade: made.some((one) => one.campaign === answered.campaign && one.person === person),
    };
    if (bringsMessage2(known)) made.push({ campaign: answered.campaign, person });
    return true;
  }

  return {
    phone,
    recordSent: async (send) => void rows.set(send, { status: 'sent', deliveredAt: null, readAt: null, error: null }),
    delivery: (send, state, at) => ({
      ...{ kind: 'delivery', ids: { waId: nameOf(send), providerId: null }, state, at },
      ...{ failure: null, phone: null, reference: null, device: null },
    }),
    async add(fact, now) {
      if (!inbox.has(factKey(fact))) inbox.set(factKey(fact), { fact, receivedAt: now, tries: 0, dueAt: now });
    },
    async workOff(now) {
      for (const one of inbox.values()) {
        if (one.dueAt === null || one.dueAt > now) continue;
        one.dueAt = work(one.fact, one.receivedAt, now) ? null : dueAgain(one.fact, { ...one, now });
        one.tries += 1;
      }
    },
    optOut: async (person, isOut) => void (isOut ? out.add(phone(person)) : out.delete(phone(person))),
    message2: async () => made,
  };
}
