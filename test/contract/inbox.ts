import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openInbox } from '../../src/adapters/sql/inbox/sql-inbox.ts';
import { replies } from '../../src/adapters/sql/inbox/sql-replies.ts';
import { optOuts } from '../../src/adapters/sql/stores/opt-outs.ts';
import { recipientReports } from '../../src/adapters/sql/stores/recipient-reports.ts';
import { recipientStore } from '../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../src/adapters/sql/stores/sql-campaign-store.ts';
import { toStored } from '../../src/adapters/sql/tables/stored-time.ts';
import type { ContactReply, Delivery, DeliveryState, Fact } from '../../src/core/incoming.ts';
import { referenceOf } from '../../src/core/reference.ts';
import { COURTESY, STOP_WORDS } from '../../src/core/stop-words.ts';
import type { Result } from '../../src/ports/campaign-store.ts';
import type { OptOuts } from '../../src/ports/database.ts';
import type { Inbox, WriteText } from '../../src/ports/inbox.ts';
import { CAMPAIGNS, liveThrough, PEOPLE, type ReplyWorld, type Send, story } from '../support/reply-model.ts';
import type { OpenedDatabase } from './campaign-store.ts';

const AT = Date.UTC(2026, 8, 1, 10);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LINE = '65aa00000000000000000001';

/** How a Message 1 was accepted. */
interface Acceptance {
  name?: string;
  line?: string;
  alias?: string;
}

/** Texts as a template would write them; one that names what no contact has cannot be written. */
const write: WriteText = (template, fields) =>
  template.includes('{{nothing}}')
    ? { problem: 'unknown variable nothing' }
    : { text: template.replace('{{first_name}}', fields.first_name ?? '') };

/** What every database must do with what the provider reports, whoever made its tables. */
export function inboxContract(name: string, open: () => Promise<OpenedDatabase>, { stories }: { stories: number }): void {
  describe(name, () => {
    let opened: OpenedDatabase;
    let inbox: Inbox;
    let list: OptOuts;
    let series = 0;

    beforeAll(async () => {
      opened = await open();
      inbox = await openInbox(opened.database, { stop: { words: STOP_WORDS, courtesy: COURTESY }, write });
      list = optOuts(opened.database);
    });
    afterAll(async () => {
      await opened?.database.close();
      await opened?.beside.drop();
    });

    const query = (text: string) => opened.beside.query(text);
    const db = () => opened.database.db;
    const stored = (at: number) => toStored(at, opened.database.dialect);

    function newPhone(): string {
      series += 1;
      return `+22901${String(series).padStart(8, '0')}`;
    }

    async function idOf(table: 'campaigns' | 'contacts' | 'messages', where: string): Promise<number> {
      return Number((await query(`select max(id) as id from ${table} where ${where}`))[0]?.id);
    }

    async function contact(number: string): Promise<number> {
      await db()
        .insertInto('contacts')
        .values({
          ...{ full_number: number, phone_number: number.slice(-8), country_code: '229', first_name: 'Afi', last_name: 'M' },
          ...{ whatsapp_verified: true, created_at: stored(AT), updated_at: stored(AT) },
        })
        .execute();
      return idOf('contacts', `full_number = '${number}'`);
    }

    async function campaign(message2: string | null = 'Thanks {{first_name}}'): Promise<number> {
      series += 1;
      const times = { created_at: stored(AT), updated_at: stored(AT) };
      const counts = { total_recipients: 0, sent_count: 0, success_count: 0, failed_count: 0 };
      await db()
        .insertInto('campaigns')
        .values({ name: `c${series}`, message_1: 'Hello', message_2: message2, status: 'sending', ...counts, ...times })
        .execute();
      return idOf('campaigns', `name = 'c${series}'`);
    }

    async function message(campaignId: number, contactId: number, fields: { sentAt?: number; type?: string } = {}): Promise<number> {
      const { sentAt, type = 'message_1' } = fields;
      const times = { created_at: stored(AT), updated_at: stored(AT) };
      const row = {
        campaign_id: campaignId,
        contact_id: contactId,
        message_type: type,
        content: 'Hello',
        status: 'pending',
        retry_count: 0,
      };
      await db()
        .insertInto('messages')
        .values({ ...row, ...times })
        .execute();
      const id = await idOf('messages', `campaign_id = ${campaignId} and contact_id = ${contactId} and message_type = '${type}'`);
      if (sentAt !== undefined) await accept(campaignId, id, sentAt);
      return id;
    }

    /** The outcome of its send reaches the database. */
    const accept = (campaignId: number, id: number, at: number, { name = `${id}`, ...how }: Acceptance = {}) =>
      recipientStore(opened.database).record(campaignId, [
        { kind: 'sent', message: id, providerId: `P${name}`, whatsappId: `W${name}`, at, attempts: 1, ...how },
      ]);

    /** A contact, a campaign, and its Message 1, sent at AT. */
    async function sent(
      message2?: string | null,
      { phone = newPhone(), number = phone, ...how }: { phone?: string; number?: string } & Acceptance = {},
    ) {
      const person = await contact(number);
      const id = await campaign(message2);
      const messageId = await message(id, person);
      await accept(id, messageId, AT, how);
      return { phone, person, campaign: id, message: messageId };
    }

    let names = 0;
    const reply = (phone: string | null, fields: Partial<ContactReply> = {}): Fact => {
      names += 1;
      return { kind: 'reply', waId: `R${names}`, phone, text: 'Yes', at: AT + HOUR, device: LINE, quoted: null, ...fields };
    };
    const delivery = (ids: { waId?: string; providerId?: string }, state: DeliveryState, at = AT + 5_000): Fact => ({
      ...{ kind: 'delivery', ids: { waId: null, providerId: null, ...ids }, state, at, phone: null, reference: null, device: null },
      failure: state === 'failed' ? { code: 'number:notfound', reason: 'accepted, then failed at the provider' } : null,
    });

    /** Takes facts and works everything off that is due; returns what became of them. */
    async function take(facts: Fact[], now = AT + HOUR): Promise<string[]> {
      await inbox.add(facts, now);
      return drain(now);
    }
    async function drain(now: number): Promise<string[]> {
      const all: string[] = [];
      for (;;) {
        const { results } = await inbox.workOff(now);
        if (results.length === 0) return all;
        all.push(...results.map(({ result }) => result));
      }
    }

    const row = async (id: number) => (await query(`select * from messages where id = ${id}`))[0] as Record<string, unknown>;
    const counters = async (id: number) => {
      const [found] = await query(`select sent_count, success_count, failed_count, interaction_count from campaigns where id = ${id}`);
      return Object.values(found as Record<string, unknown>).map(Number);
    };
    const second = (id: number) => query(`select * from messages where campaign_id = ${id} and message_type = 'message_2' order by id`);
    const interactions = (id: number) => query(`select * from interactions where campaign_id = ${id} order by received_at`);

    describe('a report about a message', () => {
      it('is found by either id of the provider', async () => {
        const one = await sent();
        const results = await take([
          delivery({ waId: `W${one.message}` }, 'delivered', AT + 5_000),
          delivery({ providerId: `P${one.message}` }, 'read', AT + 9_000),
        ]);
        expect(results).toEqual(['done', 'done']);
        const after = await row(one.message);
        expect(after.status).toBe('read');
        expect(String(after.delivered_at)).toContain('10:00:05');
        expect(String(after.read_at)).toContain('10:00:09');
        expect(await counters(one.campaign)).toEqual([1, 1, 0, 0]);
      });

      it('is worked off once, however often it is repeated and in whatever order', async () => {
        const one = await sent();
        const facts = [delivery({ waId: `W${one.message}` }, 'read', AT + 9_000), delivery({ waId: `W${one.message}` }, 'delivered')];
        expect(await inbox.add([...facts, ...facts], AT)).toBe(2);
        expect(await inbox.add(facts, AT + 1)).toBe(0);
        await drain(AT + HOUR);
        expect(await take(facts)).toEqual([]);
        expect((await row(one.message)).status).toBe('read');
      });

      it('of a failure after acceptance moves the message and the counters, with its reason', async () => {
        const one = await sent();
        await take([delivery({ providerId: `P${one.message}` }, 'failed')]);
        expect(await row(one.message)).toMatchObject({
          status: 'failed',
          error_message: 'number:notfound: accepted, then failed at the provider',
        });
        expect(await counters(one.campaign)).toEqual([0, 0, 1, 0]);
      });

      it('of a failure after acceptance is told with the campaign whose counters moved, which has failed once everyone has', async () => {
        const one = await sent();
        const other = await message(one.campaign, await contact(newPhone()), { sentAt: AT });
        const status = async () => (await query(`select status from campaigns where id = ${one.campaign}`))[0]?.status;
        await query(`update campaigns set status = 'completed' where id = ${one.campaign}`);
        await inbox.add([delivery({ providerId: `P${one.message}` }, 'failed')], AT + HOUR);
        expect((await inbox.workOff(AT + HOUR)).moved).toEqual([
          { campaign: one.campaign, type: 'message_1', sent: -1, failed: 1, settled: [] },
        ]);
        expect(await status()).toBe('completed');
        await take([delivery({ providerId: `P${other}` }, 'failed')]);
        expect(await status()).toBe('failed');
        expect(await counters(one.campaign)).toEqual([0, 0, 2, 0]);
      });

      it('of a failure does not touch what was delivered, and a delivery overrules a failure', async () => {
        const [a, b] = [await sent(), await sent()];
        await take([delivery({ waId: `W${a.message}` }, 'delivered'), delivery({ waId: `W${b.message}` }, 'failed')]);
        await take([delivery({ waId: `W${a.message}` }, 'failed'), delivery({ waId: `W${b.message}` }, 'delivered')]);
        expect([(await row(a.message)).status, (await row(b.message)).status]).toEqual(['delivered', 'delivered']);
        expect(await counters(b.campaign)).toEqual([1, 1, 0, 0]);
      });

      it('of the failure of an earlier acceptance does not fail the retry', async () => {
        const one = await sent();
        await take([delivery({ waId: `W${one.message}` }, 'failed')]);
        await recipientStore(opened.database).retryFailed(one.campaign);
        await take([delivery({ providerId: `P${one.message}` }, 'failed')]);
        expect((await row(one.message)).status).toBe('pending');
        await accept(one.campaign, one.message, AT + HOUR, { name: `${one.message}-again` });
        await take([delivery({ providerId: `P${one.message}`, waId: `W${one.message}x` }, 'failed')]);
        expect((await row(one.message)).status).toBe('sent');
        await take([delivery({ waId: `W${one.message}-again` }, 'failed')]);
        expect((await row(one.message)).status).toBe('failed');
      });

      it('that overtakes our own record of the send waits for it', async () => {
        const phone = newPhone();
        const id = await campaign();
        const messageId = await message(id, await contact(phone));
        expect(await take([delivery({ waId: `W${messageId}` }, 'delivered')], AT)).toEqual(['unknown']);
        expect(await inbox.nextDue()).toBe(AT + 1_000);
        await accept(id, messageId, AT);
        expect(await drain(AT + 1_000)).toEqual(['done']);
        expect((await row(messageId)).status).toBe('delivered');
        expect(await inbox.nextDue()).toBe(null);
      });

      it('that is about none of our messages is given up after ten minutes', async () => {
        await take([delivery({ waId: 'somebody-elses' }, 'read')], AT);
        expect((await inbox.depth()).waiting).toBe(1);
        await drain(AT + 600_000);
        expect(await inbox.depth()).toEqual({ waiting: 0, oldest: null });
      });

      it('changes a Message 2 without touching the counters of Message 1', async () => {
        const one = await sent();
        const id = await message(one.campaign, one.person, { type: 'message_2' });
        await query(`update messages set status = 'sent', whatsapp_message_id = 'second-${id}' where id = ${id}`);
        await take([delivery({ waId: `second-${id}` }, 'failed')]);
        expect((await row(id)).status).toBe('failed');
        expect(await counters(one.campaign)).toEqual([1, 1, 0, 0]);
      });
    });

    describe('a report about a message of which nobody knows whether it was taken', () => {
      /** A pending row, what a run would call it, and reports that carry that name. */
      async function pending({ type = 'message_1', content = 'Hello' } = {}) {
        const phone = newPhone();
        const [id, person] = [await campaign(), await contact(phone)];
        const messageId = await message(id, person, { type });
        const basis = { campaign: id, campaignCreatedAt: AT, message: messageId, phone, content, acceptedBefore: null };
        const about = (state: DeliveryState, given: Partial<Delivery> = {}) => {
          const ids = { waId: `W${messageId}`, providerId: state === 'failed' ? `P${messageId}` : null };
          return { ...delivery({}, state), ids, reference: referenceOf(basis), device: LINE, ...given } as Delivery;
        };
        return { campaign: id, message: messageId, phone, basis, about };
      }
      const doubt = (id: number) => ({ kind: 'marked', message: id, note: 'in doubt: no answer', at: AT, attempts: 1 }) as const;
      const record = (id: number, ...results: Result[]) => recipientStore(opened.database).record(id, results);
      const settledAs = async (id: number, messageId: number) => recipientStore(opened.database).settled(id, [messageId]);

      it.each<[DeliveryState, string, number[]]>([
        ['sent', 'sent', [1, 1, 0, 0]],
        ['delivered', 'delivered', [1, 1, 0, 0]],
        ['read', 'read', [1, 1, 0, 0]],
        ['failed', 'failed', [0, 0, 1, 0]],
      ])(
        'says that it was %s where it carries our reference: the row says so, under its ids, and is counted once',
        async (state, status, counts) => {
          const one = await pending();
          await record(one.campaign, doubt(one.message));
          await inbox.add([one.about(state, { acceptedAt: AT + 1_000 })], AT + HOUR);
          const { results, moved } = await inbox.workOff(AT + HOUR);
          expect(results).toEqual([{ kind: 'delivery', result: 'done' }]);
          const [sent, , failed] = counts as [number, number, number];
          expect(moved).toEqual([{ campaign: one.campaign, type: 'message_1', sent, failed, settled: [one.message] }]);
          const after = await row(one.message);
          expect(after.status).toBe(status);
          expect(String(after.sent_at)).toContain('10:00:01');
          if (state === 'failed') expect(after.error_message).toBe('number:notfound: accepted, then failed at the provider');
          expect(await counters(one.campaign)).toEqual(counts);
          expect(await settledAs(one.campaign, one.message)).toMatchObject([
            state === 'failed' ? { kind: 'failed', code: 'number:notfound' } : { kind: 'sent', providerId: `W${one.message}` },
          ]);
          await take([reply(null, { quoted: `W${one.message}` })]);
          expect(await second(one.campaign)).toHaveLength(state === 'failed' ? 0 : 1);
          expect(await take([one.about('sent'), one.about('delivered', { ids: { waId: 'other', providerId: null } })])).not.toContain(
            'unknown',
          );
        },
      );

      it('settles a Message 2, which the campaign does not count', async () => {
        const one = await pending({ type: 'message_2' });
        await inbox.add([one.about('delivered')], AT);
        const moved = { campaign: one.campaign, type: 'message_2', sent: 1, failed: 0, settled: [one.message] };
        expect((await inbox.workOff(AT)).moved).toEqual([moved]);
        expect((await row(one.message)).status).toBe('delivered');
        expect(await counters(one.campaign)).toEqual([0, 0, 0, 0]);
      });

      it("settles nothing under a reference that the row does not make: another text's, another campaign's, a copy's, somebody's", async () => {
        const one = await pending();
        const strange = [
          { ...one.basis, content: 'Hello!' },
          { ...one.basis, campaignCreatedAt: AT + 60_000 },
          { ...one.basis, phone: newPhone() },
          { ...one.basis, acceptedBefore: 'P0' },
        ].map(referenceOf);
        strange.push(
          `wsend-${one.campaign}-${one.message}-abcdefgh`,
          'wsend-1-999999999999999-abcdefgh',
          'order 66',
          `${one.about('sent').reference}x`,
        );
        const facts = strange.map((reference, i) =>
          one.about('delivered', { reference, ids: { waId: `S${one.message}.${i}`, providerId: null } }),
        );
        expect(new Set(await take(facts, AT))).toEqual(new Set(['unknown']));
        expect(await row(one.message)).toMatchObject({ status: 'pending', whatsapp_message_id: null });
        expect(await counters(one.campaign)).toEqual([0, 0, 0, 0]);
      });

      it('settles nothing that is known: what was rejected stays so', async () => {
        const one = await pending();
        await record(one.campaign, {
          ...{ kind: 'failed', message: one.message, code: 'phone:invalid', reason: 'no such', at: AT },
          attempts: 1,
          providerId: null,
        });
        expect(await take([one.about('sent')], AT)).toEqual(['unchanged']);
        expect((await row(one.message)).status).toBe('failed');
      });

      it('of what failed before does not settle its retry, which has a reference of its own', async () => {
        const one = await pending();
        await take([one.about('sent'), one.about('failed')]);
        await recipientStore(opened.database).retryFailed(one.campaign);
        await take([one.about('read', { state: 'failed', ids: { waId: `W${one.message}-later`, providerId: null } })]);
        expect((await row(one.message)).status).toBe('pending');
        const reference = referenceOf({ ...one.basis, acceptedBefore: `W${one.message}` });
        await take([one.about('delivered', { reference, ids: { waId: `V${one.message}`, providerId: null } })]);
        expect(await row(one.message)).toMatchObject({ status: 'delivered', whatsapp_message_id: `V${one.message}` });
        expect(await counters(one.campaign)).toEqual([1, 1, 0, 0]);
      });

      it('leaves to the run to say since when: its own record dates it, and is counted no second time', async () => {
        const one = await pending();
        await take([one.about('delivered', { acceptedAt: AT + 9_000 })]);
        expect(await recipientStore(opened.database).latestAccepted(one.campaign)).toMatchObject([{ message: one.message, at: 0 }]);
        for (let i = 0; i < 2; i += 1) await accept(one.campaign, one.message, AT + 2_000);
        expect(await row(one.message)).toMatchObject({ status: 'delivered', error_message: null, retry_count: 1 });
        expect(await recipientStore(opened.database).latestAccepted(one.campaign)).toMatchObject([{ at: AT + 2_000 }]);
        expect(await counters(one.campaign)).toEqual([1, 1, 0, 0]);
        const other = await pending();
        await take([other.about('sent')]);
        await accept(other.campaign, other.message, AT + 2_000);
        await take([delivery({ providerId: `P${other.message}` }, 'failed')]);
        expect((await row(other.message)).status).toBe('failed');
        expect(await counters(other.campaign)).toEqual([0, 0, 1, 0]);
      });

      it('comes to the same in whatever order reports, outcomes and doubts reach the database', async () => {
        const states: DeliveryState[] = ['sent', 'delivered', 'failed'];
        const step = fc.oneof(
          fc.record({ report: fc.constantFrom(...states) }),
          fc.record({ outcome: fc.constantFrom('sent' as const, 'doubt' as const, 'unconfirmed' as const) }),
        );
        await fc.assert(
          fc.asyncProperty(fc.constantFrom(...states), fc.array(step, { maxLength: 6 }), async (first, others) => {
            const one = await pending();
            const outcomes: Record<'sent' | 'doubt' | 'unconfirmed', Result> = {
              sent: {
                ...{ kind: 'sent', message: one.message, at: AT },
                attempts: 1,
                providerId: `P${one.message}`,
                whatsappId: `W${one.message}`,
              },
              doubt: doubt(one.message),
              unconfirmed: {
                ...{ kind: 'failed', message: one.message, at: AT, attempts: 3, providerId: null },
                code: 'unconfirmed:timeout',
                reason: 'no',
              },
            };
            const steps = [...others, { report: first }];
            let now = AT;
            for (const step of steps) {
              now += 1_000;
              if ('report' in step) await take([one.about(step.report)], now);
              else await record(one.campaign, outcomes[step.outcome]);
            }
            await drain(now + 60_000);
            const told = steps.flatMap((step) => ('report' in step ? [step.report] : []));
            const expected = told.includes('delivered') ? 'delivered' : told.includes('failed') ? 'failed' : 'sent';
            expect((await row(one.message)).status).toBe(expected);
            expect(await counters(one.campaign)).toEqual(expected === 'failed' ? [0, 0, 1, 0] : [1, 1, 0, 0]);
          }),
          { numRuns: 2 * stories, endOnFailure: true },
        );
      });
    });

    describe('a reply', () => {
      it('makes the interaction and one pending Message 2 with the contact in it, for the line it was written to', async () => {
        const one = await sent();
        expect(await take([reply(one.phone, { text: 'Yes 🌍' })])).toEqual(['done']);
        const [made, ...others] = await second(one.campaign);
        expect(others).toEqual([]);
        expect(made).toMatchObject({ status: 'pending', content: 'Thanks Afi', whatsapp_message_id: null });
        expect(await interactions(one.campaign)).toMatchObject([{ interaction_type: 'reply', content: 'Yes 🌍' }]);
        expect((await counters(one.campaign))[3]).toBe(1);
        const due = { campaign: one.campaign, line: LINE };
        expect(await replies(opened.database).pendingMessage2()).toContainEqual({ ...due, fresh: true });
        const doubt = { kind: 'marked', message: Number(made?.id), note: 'in doubt: no answer', at: AT, attempts: 1 } as const;
        await recipientStore(opened.database, 'message_2', [LINE]).record(one.campaign, [doubt]);
        expect(await replies(opened.database).pendingMessage2()).toContainEqual({ ...due, fresh: false });
      });

      it('is counted each time, but brings Message 2 once', async () => {
        const one = await sent();
        await take([reply(one.phone), reply(one.phone), reply(one.phone, { waId: 'same' })]);
        await take([reply(one.phone, { waId: 'same', at: AT + 2 * HOUR })]);
        expect(await second(one.campaign)).toHaveLength(1);
        expect((await counters(one.campaign))[3]).toBe(3);
      });

      it('is recognised under the number without its plus, and for two contacts with the same number brings one Message 2', async () => {
        const phone = newPhone();
        const id = await campaign();
        const bare = await contact(phone.slice(1));
        await message(id, bare, { sentAt: AT });
        await message(id, await contact(phone), { sentAt: AT });
        await take([reply(phone), reply(phone)]);
        expect(await second(id)).toHaveLength(1);
      });

      it('takes the text that came with the file, where the campaign was made of one', async () => {
        const one = await sent('Hi {{anything}}');
        await query(`insert into wsend_message_2 (campaign_id, contact_id, content) values (${one.campaign}, ${one.person}, 'Hi you')`);
        await take([reply(one.phone)]);
        expect(await second(one.campaign)).toMatchObject([{ content: 'Hi you' }]);
      });

      it('to a campaign without Message 2 is an interaction and no more', async () => {
        const one = await sent(null);
        await take([reply(one.phone)]);
        expect([(await second(one.campaign)).length, (await interactions(one.campaign)).length]).toEqual([0, 1]);
      });

      it('to a campaign that was cancelled is an interaction and no more, and a Message 2 that was pending is due no more', async () => {
        const one = await sent();
        const other = await contact(newPhone());
        await message(one.campaign, other, { sentAt: AT });
        expect(await take([reply(one.phone)])).toEqual(['done']);
        const due = async () => (await replies(opened.database).pendingMessage2()).filter(({ campaign: id }) => id === one.campaign);
        expect(await due()).toHaveLength(1);
        await campaignStore(opened.database).cancel(one.campaign);
        expect(await due()).toEqual([]);
        const [{ full_number: phone } = {}] = await query(`select full_number from contacts where id = ${other}`);
        expect(await take([reply(String(phone))])).toEqual(['done']);
        expect([(await interactions(one.campaign)).length, (await second(one.campaign)).length]).toEqual([2, 1]);
      });

      it('brings a failed Message 2 with the reason where its text cannot be written', async () => {
        const one = await sent('{{nothing}}');
        await take([reply(one.phone)]);
        expect(await second(one.campaign)).toMatchObject([
          { status: 'failed', error_message: 'message:invalid: unknown variable nothing' },
        ]);
      });

      it('more than 24 h after Message 1, or from somebody we never wrote to, belongs to no campaign', async () => {
        const one = await sent();
        const results = await take([reply(one.phone, { at: AT + DAY + 1_000 }), reply(newPhone())], AT + DAY + 2_000);
        expect([...results, ...(await drain(AT + DAY + 12_000))]).toEqual(['unrelated', 'waits', 'unrelated']);
        expect(await interactions(one.campaign)).toEqual([]);
      });

      it('that comes before the outcome of Message 1 is in the database waits for it', async () => {
        const phone = newPhone();
        const id = await campaign();
        const messageId = await message(id, await contact(phone));
        expect(await take([reply(phone, { at: AT })], AT)).toEqual(['waits']);
        await accept(id, messageId, AT + 400);
        expect(await drain(AT + 1_000)).toEqual(['done']);
        expect(await second(id)).toHaveLength(1);
      });

      it('is taken although the database refuses its words', async () => {
        const one = await sent();
        expect(await take([reply(one.phone, { text: `\0 \ud800 ${'é🌍'.repeat(5_000)}` })])).toEqual(['done']);
        expect(await second(one.campaign)).toHaveLength(1);
      });
    });

    describe('who wrote', () => {
      const digits = (phone: string) => phone.slice(1);
      const SPELLINGS: [string, (phone: string) => string][] = [
        ['with spaces', (phone) => `${phone.slice(0, 4)} ${phone.slice(4, 6)} ${phone.slice(6, 9)} ${phone.slice(9)}`],
        ['with dashes', (phone) => `${phone.slice(0, 4)}-${phone.slice(4)}`],
        ['with 00', (phone) => `00${digits(phone)}`],
        ['with 00 and spaces', (phone) => `00 ${digits(phone)}`],
        ['without plus', digits],
        ['in parentheses', (phone) => `(${phone.slice(0, 4)}) ${phone.slice(4)}`],
      ];
      it.each(SPELLINGS)('is known although the number is stored %s', async (_, spell) => {
        const phone = newPhone();
        const one = await sent(undefined, { phone, number: spell(phone) });
        expect(await take([reply(phone)])).toEqual(['done']);
        expect(await second(one.campaign)).toHaveLength(1);
      });

      it.each([
        ['+5541980001005', '+554180001005'],
        ['+554180001006', '+5541980001006'],
        ['+525500001003', '+5215500001003'],
        ['+5491120001002', '+541120001002'],
        ['+2290197001002', '+22997001002'],
        ['+2250707001003', '+22507001003'],
      ])('is known by another true form of the number: sent to %s, replied as %s', async (number, other) => {
        const one = await sent(undefined, { number });
        expect(await take([reply(other)])).toEqual(['done']);
        await take([reply(other, { text: 'STOP' })]);
        expect(await second(one.campaign)).toHaveLength(1);
        const { changes } = await list.since(0);
        expect(changes.filter(({ phone }) => [number, other].includes(phone))).not.toEqual([]);
      });

      it('is known by what the provider called them when it accepted the message', async () => {
        const one = await sent(undefined, { alias: '111111111111111@lid' });
        expect(await take([reply(null, { aliases: ['111111111111111@lid'] })])).toEqual(['done']);
        expect(await second(one.campaign)).toHaveLength(1);
      });

      it('is known by what a report about our message calls them, whichever comes first', async () => {
        const one = await sent();
        const yes = reply(null, { aliases: ['222222222222222@lid'] });
        expect(await take([yes])).toEqual(['waits']);
        await take([{ ...delivery({ waId: `W${one.message}` }, 'delivered'), aliases: ['222222222222222@lid'] } as Fact]);
        expect(await drain(AT + HOUR + 1_000)).toEqual(['done']);
        expect(await second(one.campaign)).toHaveLength(1);
      });

      it('is known by the message of ours that is quoted, and by that name from then on', async () => {
        const [one, other] = [await sent(), await sent()];
        const aliases = ['333333333333333@lid'];
        expect(await take([reply(null, { aliases, text: 'STOP', quoted: `W${one.message}` })])).toEqual(['opted_out']);
        expect((await list.since(0)).changes.filter(({ phone }) => phone === one.phone)).toEqual([{ phone: one.phone, out: true }]);
        expect(await take([reply(null, { aliases })])).toEqual(['done']);
        expect([await second(one.campaign), (await interactions(other.campaign)).length]).toEqual([[], 0]);
      });

      it('who is not known when they say stop is stopped as soon as they are', async () => {
        const one = await sent();
        const aliases = ['444444444444444@lid'];
        await take([reply(null, { aliases, text: 'STOP' })]);
        await drain(AT + HOUR + 20_000);
        const listed = async () => (await list.since(0)).changes.filter(({ phone }) => [one.phone, ...aliases].includes(phone));
        expect(await listed()).toEqual([{ phone: aliases[0], out: true }]);
        await take([{ ...delivery({ waId: `W${one.message}` }, 'read'), aliases } as Fact], AT + HOUR + 30_000);
        expect(await listed()).toContainEqual({ phone: one.phone, out: true });
        expect(await drain(AT + HOUR + 30_000)).toEqual([]);
        expect(await interactions(one.campaign)).toHaveLength(1);
      });

      it('who is not known when they reply gets Message 2 as soon as they are', async () => {
        const phone = newPhone();
        const id = await campaign();
        const messageId = await message(id, await contact(phone.replace('+229', '+229 ')));
        await take([reply(phone, { at: AT + 1_000 })], AT);
        expect(await drain(AT + 20_000)).toEqual(['unrelated']);
        await accept(id, messageId, AT);
        expect(await drain(AT + HOUR)).toEqual(['done']);
        expect(await second(id)).toHaveLength(1);
      });

      it('whom nobody knows is told by what the provider calls them', async () => {
        const phone = newPhone();
        await inbox.add([reply(phone)], AT);
        expect((await inbox.workOff(AT + 20_000)).results).toEqual([{ kind: 'reply', result: 'unrelated', stranger: phone }]);
      });

      it('a name that one contact bears is not taken over by another', async () => {
        const [one, other] = [await sent(undefined, { alias: '555555555555555@lid' }), await sent()];
        await take([{ ...delivery({ waId: `W${other.message}` }, 'read'), aliases: ['555555555555555@lid', one.phone] } as Fact]);
        await take([reply(null, { aliases: ['555555555555555@lid'] })]);
        expect([(await second(one.campaign)).length, (await second(other.campaign)).length]).toEqual([1, 0]);
      });

      it('a name that two were given by mistake makes nobody of them the other', async () => {
        const [one, other] = [await sent(), await sent()];
        const aliases = ['666666666666666@lid'];
        await take([reply(one.phone, { aliases, text: 'STOP' }), reply(other.phone, { aliases })]);
        expect([(await second(one.campaign)).length, (await second(other.campaign)).length]).toEqual([0, 1]);
      });

      it('of two campaigns at once answers the one that is quoted', async () => {
        const one = await sent();
        const later = await campaign();
        await message(later, one.person, { sentAt: AT + 60_000 });
        await take([reply(one.phone, { quoted: `P${one.message}` })]);
        expect([(await second(one.campaign)).length, (await second(later)).length]).toEqual([1, 0]);
      });
    });

    it('a reply on another line counts, and Message 2 goes out on the line that Message 1 came from', async () => {
      const one = await sent(undefined, { line: '65aa00000000000000000009' });
      await take([reply(one.phone)]);
      const due = { campaign: one.campaign, line: '65aa00000000000000000009', fresh: true };
      expect(await replies(opened.database).pendingMessage2()).toContainEqual(due);
    });

    describe('an edit', () => {
      it('to a stop word counts, although the message was a reply before', async () => {
        const one = await sent();
        await take([reply(one.phone, { waId: 'E1' })]);
        expect(await take([reply(one.phone, { waId: 'E1', text: 'Stop, please', edited: true })])).toEqual(['opted_out']);
        expect((await list.since(0)).changes).toContainEqual({ phone: one.phone, out: true });
        expect(await interactions(one.campaign)).toHaveLength(1);
      });

      it('to other words changes nothing', async () => {
        const one = await sent();
        await take([reply(one.phone, { waId: 'E2' })]);
        expect(await take([reply(one.phone, { waId: 'E2', text: 'Yes!', edited: true })])).toEqual(['unchanged']);
      });
    });

    it('a button whose id is a stop word is one, whatever its title', async () => {
      const one = await sent();
      expect(await take([reply(one.phone, { text: 'Leave me alone', choices: ['STOP'] })])).toEqual(['opted_out']);
      expect(await second(one.campaign)).toEqual([]);
    });

    it('a reaction is an interaction, and brings no Message 2', async () => {
      const one = await sent();
      const like: Fact = {
        kind: 'reaction',
        waId: `W${one.message}`,
        phone: one.phone,
        emoji: '👍',
        target: `W${one.message}`,
        at: AT + 1,
        device: LINE,
      };
      expect(await take([like, { ...like, emoji: '' }])).toEqual(['done', 'unchanged']);
      expect(await interactions(one.campaign)).toMatchObject([{ interaction_type: 'reaction', content: '👍' }]);
      expect(await second(one.campaign)).toEqual([]);
    });

    describe('a stop word', () => {
      it('puts the number on the list, and brings no Message 2, now or later', async () => {
        const one = await sent();
        const { cursor } = await list.since(0);
        expect(await take([reply(one.phone, { text: ' Arrêt!' })])).toEqual(['opted_out']);
        expect((await list.since(cursor)).changes).toEqual([{ phone: one.phone, out: true }]);
        await take([reply(one.phone)]);
        expect(await second(one.campaign)).toEqual([]);
        expect((await counters(one.campaign))[3]).toBe(2);
      });

      it('does not wait for the outcome of Message 1, nor for a campaign', async () => {
        const phone = newPhone();
        await message(await campaign(), await contact(phone));
        const stranger = newPhone();
        expect(await take([reply(phone, { text: 'stop' }), reply(stranger, { text: 'STOP' })])).toEqual(['opted_out', 'opted_out']);
        const listed: string[] = [];
        for await (const one of list.list()) listed.push(one.phone);
        expect(listed).toEqual(expect.arrayContaining([phone, stranger]));
      });
    });

    it('facts that were done are forgotten after their time, and not before', async () => {
      await drain(AT + 10 * DAY);
      await inbox.forget(AT + 100 * DAY);
      const one = await sent();
      await take([reply(one.phone)]);
      expect(await inbox.forget(AT + HOUR)).toBe(0);
      expect(await inbox.forget(AT + HOUR + 1)).toBe(1);
    });

    it('two listeners at once work everything off once', async () => {
      const people: Awaited<ReturnType<typeof sent>>[] = [];
      for (let i = 0; i < 5; i += 1) people.push(await sent());
      const facts = people.flatMap((one) => [reply(one.phone), reply(one.phone), delivery({ waId: `W${one.message}` }, 'read')]);
      await inbox.add(facts, AT + HOUR);
      const other = await openInbox(opened.database, { stop: { words: STOP_WORDS, courtesy: COURTESY }, write });
      const both = await Promise.all([inbox, other, inbox, other].map((one) => one.workOff(AT + HOUR)));
      await drain(AT + HOUR);
      expect(both.flatMap(({ results }) => results).length).toBeGreaterThan(0);
      for (const one of people) {
        expect(await second(one.campaign)).toHaveLength(1);
        expect(await counters(one.campaign)).toEqual([1, 1, 0, 2]);
      }
    });

    it('what came back is counted', async () => {
      const id = await campaign();
      const phones = [newPhone(), newPhone(), newPhone()];
      const rows: number[] = [];
      for (const phone of phones) rows.push(await message(id, await contact(phone), { sentAt: AT }));
      await take([reply(phones[0] as string), reply(phones[0] as string), delivery({ waId: `W${rows[1]}` }, 'read')]);
      expect(await replies(opened.database).counts(id, AT + HOUR)).toEqual({
        ...{ delivered: 1, read: 1, replied: 1, reactions: 0, noInteraction: 0 },
        message2: { pending: 1, skipped: 0, sent: 0, delivered: 0, read: 0, failed: 0 },
      });
      const awaits = (at: number) => campaignStore(opened.database).awaitsReplies(id, at);
      // Whatever the clock says, a Message 2 that is due keeps the campaign open.
      expect([await awaits(AT + DAY - 1_000), await awaits(AT + 2 * DAY)]).toEqual([true, true]);
      await query(`update messages set status = 'sent' where campaign_id = ${id} and message_type = 'message_2'`);
      expect([await awaits(AT + DAY - 1_000), await awaits(AT + DAY)]).toEqual([true, false]);
      expect(await replies(opened.database).counts(id, AT + DAY - 1_000)).toMatchObject({ noInteraction: 0 });
      expect(await replies(opened.database).counts(id, AT + DAY)).toMatchObject({
        noInteraction: 2,
        message2: { pending: 0, sent: 1 },
      });
    });

    it('what became of each recipient is told, page by page', async () => {
      const id = await campaign();
      const phones = Array.from({ length: 6 }, newPhone);
      const rows: number[] = [];
      for (const phone of phones) rows.push(await message(id, await contact(phone), { sentAt: AT }));
      await query(
        `update messages set status = 'pending', sent_at = null, error_message = 'wsend: in doubt: no answer' where id = ${rows[2]}`,
      );
      await query(
        `update messages set status = 'pending', sent_at = null, error_message = 'wsend: skipped: opted out' where id = ${rows[3]}`,
      );
      await query(`update messages set status = 'failed', sent_at = null, error_message = 'phone:invalid: no such' where id = ${rows[4]}`);
      await query(`update messages set status = 'pending', sent_at = null where id = ${rows[5]}`);
      await take([reply(phones[0] as string, { at: AT + HOUR }), reply(phones[0] as string, { at: AT + 2 * HOUR })]);
      await take([delivery({ waId: `W${rows[1]}` }, 'read')]);
      const react = (waId: string, at: number): Fact => {
        const on = { target: `W${rows[1]}`, device: LINE };
        return { kind: 'reaction', waId, phone: phones[1] as string, emoji: '👍', at, ...on };
      };
      await take([react('later', AT + 3 * HOUR), react('first', AT + 2 * HOUR)], AT + 3 * HOUR);
      const reports = recipientReports(opened.database);
      const all = [...(await reports.page(id, 0, 4, AT + DAY)), ...(await reports.page(id, rows[3] as number, 4, AT + DAY))];
      expect(all.map(({ message: row }) => row)).toEqual(rows);
      const silent = { sentAt: null, deliveredAt: null, readAt: null, reply: null, repliedAt: null, reactedAt: null, message2: null };
      expect(all).toMatchObject([
        {
          phone: phones[0],
          status: 'sent',
          reason: null,
          sentAt: AT,
          reply: 'replied',
          repliedAt: AT + HOUR,
          reactedAt: null,
          message2: 'pending',
        },
        {
          phone: phones[1],
          status: 'read',
          reason: null,
          sentAt: AT,
          readAt: expect.any(Number),
          reply: 'no_interaction',
          reactedAt: AT + 2 * HOUR,
          message2: null,
        },
        { ...silent, status: 'in_doubt', reason: 'in doubt: no answer' },
        { ...silent, status: 'skipped', reason: 'skipped: opted out' },
        { ...silent, status: 'failed', reason: 'phone:invalid: no such' },
        { ...silent, status: 'pending', reason: null },
      ]);
      expect((await reports.page(id, 0, 2, AT + DAY - 1_000))[1]).toMatchObject({ status: 'read', reply: null });
    });

    it('Property 5, Message 1 and Message 2: Message 2 goes to a contact at most once per campaign, and exactly when the rule says so', async () => {
      await drain(AT + 30 * DAY);
      let start = AT + 40 * DAY;
      await fc.assert(
        fc.asyncProperty(story, async (steps) => {
          start += 100 * DAY;
          await liveThrough(await sqlWorld(), steps, start);
        }),
        { numRuns: stories, endOnFailure: stories < 50 },
      );
    });

    /** New people and campaigns; the second person is two contacts, one with the plus and one without. */
    async function sqlWorld(): Promise<ReplyWorld> {
      await query(`update campaigns set status = 'completed'`);
      const people: { phone: string; contacts: number[] }[] = [];
      for (const person of PEOPLE) {
        const phone = newPhone();
        const contacts = [await contact(phone)];
        if (person === 1) contacts.push(await contact(phone.slice(1)));
        people.push({ phone, contacts });
      }
      const campaigns: number[] = [];
      const rows = new Map<string, number>();
      const keyOf = ({ campaign: at, person }: Pick<Send, 'campaign' | 'person'>) => `${at}/${person}`;
      for (const { campaign: at, hasMessage2 } of CAMPAIGNS) {
        const id = await campaign(hasMessage2 ? 'Thanks' : null);
        campaigns.push(id);
        for (const person of PEOPLE) {
          const contacts = people[person]?.contacts as number[];
          rows.set(keyOf({ campaign: at, person }), await message(id, contacts[at % contacts.length] as number));
        }
      }
      const rowOf = (send: Send) => rows.get(keyOf(send)) as number;
      const phone = (person: number) => people[person]?.phone as string;
      return {
        phone,
        recordSent: (send) => accept(campaigns[send.campaign] as number, rowOf(send), send.at),
        delivery: (send, state, at) => delivery({ waId: `W${rowOf(send)}` }, state, at),
        add: async (fact, now) => void (await inbox.add([fact], now)),
        workOff: async (now) => void (await drain(now)),
        optOut: async (person, out) => void (await list.set([phone(person)], out, 'test')),
        async message2() {
          const made = await query(
            `select campaign_id, contact_id from messages where message_type = 'message_2' and campaign_id >= ${campaigns[0]}`,
          );
          return made.map(({ campaign_id, contact_id }) => ({
            campaign: campaigns.indexOf(Number(campaign_id)),
            person: people.findIndex(({ contacts }) => contacts.includes(Number(contact_id))),
          }));
        },
      };
    }
  });
}
