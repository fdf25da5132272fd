import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/adapters/sql/open/sql-database.ts';
import { importStore } from '../../src/adapters/sql/stores/import-store.ts';
import { recipientStore } from '../../src/adapters/sql/stores/recipient-store.ts';
import { campaignStore } from '../../src/adapters/sql/stores/sql-campaign-store.ts';
import { recentTexts } from '../../src/adapters/sql/stores/sql-recent-texts.ts';
import { REPLY_WINDOW } from '../../src/core/campaign.ts';
import { doubtNote, SENT_SOMETIME } from '../../src/core/note.ts';
import type { CampaignPlan, CampaignStore, ImportStore, PlannedRecipient, RecipientStore, Result } from '../../src/ports/campaign-store.ts';
import type { Recent } from '../../src/ports/recent-texts.ts';
import type { TestDatabase } from '../support/databases.ts';

/** A database with all tables, and the way around wsend to look into it. */
export interface OpenedDatabase {
  database: Database;
  beside: TestDatabase;
}

const AT = Date.UTC(2026, 8, 1, 10, 20, 30, 456);

/** What every database must do for wsend, whoever made its tables. */
export function campaignStoreContract(name: string, open: () => Promise<OpenedDatabase>): void {
  describe(name, () => {
    let opened: OpenedDatabase;
    let campaigns: CampaignStore;
    let recipients: RecipientStore;
    let imports: ImportStore;
    let series = 0;

    beforeAll(async () => {
      opened = await open();
      campaigns = campaignStore(opened.database);
      recipients = recipientStore(opened.database);
      imports = importStore(opened.database);
    });
    afterAll(async () => {
      await opened?.database.close();
      await opened?.beside.drop();
    });
    afterEach(() => {
      delete process.env.TZ;
    });

    const query = (text: string) => opened.beside.query(text);

    function person(number: number, fields: Partial<PlannedRecipient> = {}): PlannedRecipient {
      const phone = `+22901${String(number).padStart(8, '0')}`;
      return { phone, countryCode: '229', firstName: 'Afi', lastName: 'Mensah', message1: `Hello ${number}`, message2: null, ...fields };
    }

    function plan(people: Iterable<PlannedRecipient> | AsyncIterable<PlannedRecipient>, fields: Partial<CampaignPlan> = {}): CampaignPlan {
      series += 1;
      const recipients = (async function* () {
        yield* people;
      })();
      return { name: 'Meeting', message1: 'Hello {{n}}', message2: null, fingerprint: `file-${series}`, ...fields, recipients };
    }

    /** A campaign of new people; returns its id and the ids of its Message 1 rows. */
    async function campaignOf(count: number): Promise<{ id: number; rows: number[] }> {
      const first = (series + 1) * 10_000;
      const people = Array.from({ length: count }, (_, i) => person(first + i));
      const { campaign } = await imports.createCampaign(plan(people));
      return { id: campaign, rows: (await recipients.pending(campaign, 0, count + 1)).map(({ message }) => message) };
    }

    const sent = (message: number, fields: Partial<Extract<Result, { kind: 'sent' }>> = {}): Result => ({
      ...{ kind: 'sent', message, providerId: `id-${message}`, at: AT, attempts: 1, ...fields },
    });
    const failed = (message: number, fields: Partial<Extract<Result, { kind: 'failed' }>> = {}): Result => ({
      ...{ kind: 'failed', message, code: 'phone:invalid', reason: 'not on WhatsApp', at: AT, attempts: 3, providerId: null, ...fields },
    });
    const marked = (message: number, note = 'in doubt'): Result => ({ kind: 'marked', message, note, at: AT, attempts: 2 });

    const messageRow = async (id: number) => (await query(`select * from messages where id = ${id}`))[0] as Record<string, unknown>;
    const countersOf = async (id: number) => {
      const [row] = await query(`select total_recipients, sent_count, success_count, failed_count from campaigns where id = ${id}`);
      return Object.values(row as Record<string, number>).map(Number);
    };
    const count = async (table: string) => Number((await query(`select count(*) as n from ${table}`))[0]?.n);

    describe('who had the same text lately', () => {
      const DAY = 86_400_000;
      const SINCE = AT - 7 * DAY;
      const shared = (first: number, count: number) =>
        Array.from({ length: count }, (_, i) => person(first + i, { message1: 'The same text' }));
      const had = (campaign: number, at: string) => `skipped: had this text on ${at} (campaign ${campaign})`;

      it('is found by person and text within the days, taken or in doubt, and left out for good', async () => {
        const texts = recentTexts(opened.database);
        const before = await imports.createCampaign(plan(shared(70_000, 5)));
        const [taken, old, doubted, failedOne, open] = (await recipients.pending(before.campaign, 0, 9)).map(({ message }) => message) as [
          number,
          number,
          number,
          number,
          number,
        ];
        await recipients.record(before.campaign, [
          sent(taken),
          sent(old, { at: SINCE - 1_000 }),
          marked(doubted, doubtNote('no answer')),
          failed(failedOne),
        ]);
        await query(`update contacts set full_number = '229 01-000-700-00' where full_number = '+2290100070000'`);
        const after = await imports.createCampaign(plan(shared(70_000, 5)));

        const recent = (await texts.read(SINCE, new Set([open]), after.campaign)) as Recent;
        const pending = (await recipients.pending(after.campaign, 0, 9)).map(({ message }) => message);
        const rows = await texts.among(recent, after.campaign, pending);
        const doubt = [...rows.keys()].filter((note) => note.startsWith('skipped: may have had this text on '));
        expect(rows.get(had(before.campaign, '2026-09-01'))).toHaveLength(1);
        expect(doubt.flatMap((note) => rows.get(note))).toHaveLength(2);
        expect([...rows.values()].flat()).toHaveLength(3);
        expect(
          await texts.read(SINCE, new Set(), before.campaign).then((found) => found?.index.find('+2290100070000', 'The same text') ?? null),
        ).toBeNull();

        expect(await texts.rule(after.campaign)).toBe('leave_out');
        await texts.leaveOut(after.campaign, rows);
        await texts.leaveOut(after.campaign, rows);
        const left = [...rows.values()].flat().length;
        expect(await texts.leftOut(after.campaign)).toBe(left);
        expect(await campaigns.tally(after.campaign)).toEqual({ total: 5, pending: 5 - left, sent: 0, failed: 0 });
        expect((await texts.among(recent, after.campaign, pending)).size).toBe(0);
        await texts.decide(after.campaign, 'send');
        expect([await texts.rule(after.campaign), await texts.leftOut(after.campaign)]).toEqual(['send', 0]);
      });

      it('is left out of a file as it becomes a campaign; where nobody would be left, there is none', async () => {
        const texts = recentTexts(opened.database);
        const before = await imports.createCampaign(plan(shared(71_000, 2)));
        const [first] = (await recipients.pending(before.campaign, 0, 1)).map(({ message }) => message) as [number];
        await recipients.record(before.campaign, [sent(first)]);
        const recent = await texts.read(SINCE, new Set(), null);
        const made = await imports.createCampaign(plan(shared(71_000, 2), { recent }));
        expect(made).toMatchObject({ recipients: 2, leftOut: 1 });
        const [one, other] = await recipients.pending(made.campaign, 0, 9);
        expect([one?.setAside, other?.setAside]).toEqual([true, false]);
        expect((await messageRow(one?.message as number)).error_message).toBe(`wsend: ${had(before.campaign, '2026-09-01')}`);
        const count = async () => (await campaigns.list()).length;
        const campaignsBefore = await count();
        await expect(imports.createCampaign(plan(shared(71_000, 1), { recent }))).rejects.toThrow(
          'everybody in this file had this very text lately',
        );
        expect(await count()).toBe(campaignsBefore);
        expect(await texts.rule((await imports.createCampaign(plan(shared(71_000, 1), { rule: 'send' }))).campaign)).toBe('send');
      });
    });

    describe('a campaign is cancelled', () => {
      it('under a status that every database allows, its rows and counters as they were; and so it stays', async () => {
        const { id, rows } = await campaignOf(3);
        expect((await campaigns.find(id))?.cancelledAt).toBeNull();
        await recipients.record(id, [sent(rows[0] as number)]);
        await campaigns.cancel(id);
        const first = await campaigns.find(id);
        await campaigns.cancel(id);
        expect(first).toMatchObject({ status: 'completed', cancelledAt: expect.any(Number) });
        expect((await campaigns.list()).find((one) => one.id === id)?.cancelledAt).toEqual(expect.any(Number));
        expect(await campaigns.tally(id)).toEqual({ total: 3, pending: 2, sent: 1, failed: 0 });
        expect(await countersOf(id)).toEqual([3, 1, 1, 0]);
      });

      it('and another that gets its number later is not', async () => {
        const { id } = await campaignOf(1);
        await campaigns.cancel(id);
        expect((await campaigns.find(id))?.status).toBe('failed');
        await query(`update campaigns set created_at = '2020-01-01 00:00:00' where id = ${id}`);
        expect((await campaigns.find(id))?.cancelledAt).toBeNull();
        await campaigns.cancel(id);
        expect((await campaigns.find(id))?.cancelledAt).toEqual(expect.any(Number));
      });
    });

    describe('a file becomes a campaign', () => {
      it('of the contacts that are there, in whatever form or spelling of a person, and makes no second one of them', async () => {
        const stored = [
          '+554180000005',
          '+525500000003',
          '2290199900001',
          '+229 01 99 90 00 02',
          '00229-01-99-90-00-03',
          '(+229) 0199900004',
        ];
        for (const number of stored)
          await query(`insert into contacts (phone_number, country_code, full_number) values ('1', '229', '${number}')`);
        const phones = ['+5541980000005', '+5215500000003', '+2290199900001', '+2290199900002', '+2290199900003', '+2290199900004'];
        const before = await count('contacts');
        const people = phones.map((phone) => person(0, { phone }));
        const { campaign } = await imports.createCampaign(plan([...people, person(99900005)]));
        expect((await recipients.pending(campaign, 0, 10)).map(({ phone }) => phone)).toEqual([...stored, '+2290199900005']);
        expect(await count('contacts')).toBe(before + 1);
      });

      it('with its people in the order of the file, as a draft', async () => {
        const people = [person(303), person(301), person(302, { firstName: null, lastName: null, countryCode: null })];
        const created = await imports.createCampaign(plan(people, { message2: 'Thanks' }));
        expect(created.recipients).toBe(3);
        const page = await recipients.pending(created.campaign, 0, 10);
        expect(
          page.map(({ phone, content, attempts, marked, acceptedBefore }) => ({ phone, content, attempts, marked, acceptedBefore })),
        ).toEqual(people.map(({ phone, message1 }) => ({ phone, content: message1, attempts: 0, marked: false, acceptedBefore: null })));
        const found = await campaigns.find(created.campaign);
        expect(found).toMatchObject({ name: 'Meeting', message1: 'Hello {{n}}', message2: 'Thanks', status: 'draft' });
        expect(Math.abs((found?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
        expect(await countersOf(created.campaign)).toEqual([3, 0, 0, 0]);
      });

      it('and people who are contacts already, with or without +, stay one contact and keep what is known of them', async () => {
        await imports.createCampaign(plan([person(401, { firstName: 'First' })]));
        await query(
          `insert into contacts (phone_number, country_code, full_number, first_name) values ('0100000402', '229', '2290100000402', 'Without')`,
        );
        const before = await count('contacts');
        const { campaign } = await imports.createCampaign(plan([person(401, { firstName: 'Second' }), person(402), person(403)]));
        expect(await count('contacts')).toBe(before + 1);
        expect((await recipients.pending(campaign, 0, 10)).map(({ phone }) => phone)).toEqual([
          '+2290100000401',
          '2290100000402',
          '+2290100000403',
        ]);
        const known = await query(`select first_name from contacts where full_number in ('+2290100000401', '2290100000402') order by id`);
        expect(known.map(({ first_name }) => first_name)).toEqual(['First', 'Without']);
        const [added] = await query(`select * from contacts where full_number = '+2290100000403'`);
        expect(added).toMatchObject({ phone_number: '0100000403', country_code: '229', whatsapp_verified: null });
      });

      it('with Message 2 kept for each who has one', async () => {
        const people = [person(501, { message2: 'Thank you, Afi' }), person(502)];
        const { campaign } = await imports.createCampaign(plan(people));
        const kept = await query(`select contact_id, content from wsend_message_2 where campaign_id = ${campaign}`);
        expect(kept.map(({ content }) => content)).toEqual(['Thank you, Afi']);
      });

      it('and names longer than the table allows are cut, characters of several bytes whole', async () => {
        const long = '🌍é'.repeat(80);
        await imports.createCampaign(plan([person(601, { firstName: long, lastName: `a\0b\ud800` })], { name: long }));
        const [row] = await query(`select first_name, last_name from contacts where full_number = '+2290100000601'`);
        expect([...String(row?.first_name)]).toEqual([...long].slice(0, 100));
        expect(row?.last_name).toBe('ab\ufffd');
      });

      it('and what breaks off halfway leaves nothing', async () => {
        const before = [await count('campaigns'), await count('contacts'), await count('messages'), await count('wsend_imports')];
        async function* broken() {
          for (let i = 0; i < 1_200; i++) yield person(700_000 + i);
          throw new Error('line 1201 cannot be read');
        }
        await expect(imports.createCampaign(plan(broken(), { fingerprint: 'broken' }))).rejects.toThrow('line 1201 cannot be read');
        expect([await count('campaigns'), await count('contacts'), await count('messages'), await count('wsend_imports')]).toEqual(before);
        expect(await imports.findImport('broken')).toBeUndefined();
      });

      it('once: the same file again is refused with the id of the campaign it is, until that is deleted', async () => {
        const { campaign } = await imports.createCampaign(plan([person(801)], { fingerprint: 'same' }));
        expect(await imports.findImport('same')).toBe(campaign);
        const again = imports.createCampaign(plan([person(802)], { fingerprint: 'same' }));
        await expect(again).rejects.toMatchObject({ exitCode: 2, message: `this file with this text is campaign ${campaign} already` });
        await query(`delete from messages where campaign_id = ${campaign}`);
        await query(`delete from campaigns where id = ${campaign}`);
        expect(await imports.findImport('same')).toBeUndefined();
        const anew = await imports.createCampaign(plan([person(801)], { fingerprint: 'same' }));
        expect(await imports.findImport('same')).toBe(anew.campaign);
      });

      it('once, even when two runs import it at the same moment', async () => {
        const people = Array.from({ length: 700 }, (_, i) => person(900_000 + i));
        const two = await Promise.allSettled([1, 2].map(() => imports.createCampaign(plan(people, { fingerprint: 'race' }))));
        const made = two.filter((result) => result.status === 'fulfilled');
        const refused = two.find((result) => result.status === 'rejected');
        expect(made).toHaveLength(1);
        expect(refused?.reason.message).toBe(`this file with this text is campaign ${made[0]?.value.campaign} already`);
        expect(await query(`select count(*) as n from wsend_imports where fingerprint = 'race'`)).toHaveLength(1);
      });

      it.each([
        ['next to each other', 1, null],
        ['far apart', 800, null],
        ['with a Message 2', 800, 'Thanks'],
      ])('and a number that occurs twice, %s, is refused', async (_, distance, message2) => {
        const before = await count('campaigns');
        const people = [
          ...Array.from({ length: distance }, (_, i) => person(1_000_000 + i, { message2 })),
          person(1_000_000, { message2 }),
        ];
        await expect(imports.createCampaign(plan(people))).rejects.toMatchObject({
          exitCode: 2,
          message: expect.stringMatching(/more than once/),
        });
        expect(await count('campaigns')).toBe(before);
      });
    });

    describe('recipients are read', () => {
      it('page by page, each once, whatever the size of the page', async () => {
        const { id, rows } = await campaignOf(53);
        await campaignOf(3);
        for (const limit of [1, 7, 53, 100]) {
          const seen: number[] = [];
          for (let after = 0; ; ) {
            const page = await recipients.pending(id, after, limit);
            seen.push(...page.map(({ message }) => message));
            const last = page.at(-1);
            if (last === undefined) break;
            after = last.message;
          }
          expect(seen).toEqual(rows);
        }
      });

      it('as far as they are still pending', async () => {
        const { id, rows } = await campaignOf(5);
        const other = await campaignOf(1);
        await recipients.record(id, [sent(rows[1] as number), failed(rows[3] as number)]);
        const asked = [rows[4], rows[0], rows[1], rows[0], other.rows[0], 999_999_999] as number[];
        expect((await recipients.stillPending(id, asked)).map(({ message }) => message)).toEqual([rows[0], rows[4]]);
        expect(await recipients.stillPending(id, [])).toEqual([]);
        const many = Array.from({ length: 1_700 }, (_, i) => i + 500_000_000);
        expect((await recipients.stillPending(id, [...many, ...rows])).map(({ message }) => message)).toEqual([rows[0], rows[2], rows[4]]);
      });

      it('the latest that was accepted first, without those whom only the operator calls sent', async () => {
        const { id, rows } = await campaignOf(6);
        const [a, b, c, d, e] = rows as [number, number, number, number, number];
        expect((await recipients.latestAccepted(id)).map(({ campaign }) => campaign)).not.toContain(id);
        await recipients.record(id, [
          sent(c, { at: AT + 3_000 }),
          sent(a, { at: AT + 1_000 }),
          sent(b, { at: AT + 2_000, note: 'assumed sent' }),
          failed(d, { providerId: 'x' }),
          sent(e, { at: AT + 4_000, providerId: null }),
        ]);
        const latest = await recipients.latestAccepted(id);
        expect(latest.map(({ message }) => message)).toEqual([c, a]);
        const createdAt = (await campaigns.find(id))?.createdAt;
        expect(latest[0]).toMatchObject({ campaign: id, campaignCreatedAt: createdAt, content: expect.stringMatching(/^Hello \d+$/) });
        expect(latest[0]?.phone).toMatch(/^\+22901\d{8}$/);
        // Some tables keep whole seconds.
        expect(Math.abs((latest[0]?.at ?? 0) - AT - 3_000)).toBeLessThan(1_000);
      });

      it('those whose time nobody knows only where there are no others, and as old as can be', async () => {
        const { id, rows } = await campaignOf(3);
        const [a, b] = rows as [number, number];
        await recipients.record(id, [sent(a, { at: AT + 3_000, note: SENT_SOMETIME })]);
        expect((await recipients.latestAccepted(id)).map(({ message, at }) => [message, at])).toEqual([[a, 0]]);
        await recipients.record(id, [sent(b, { at: AT + 1_000 })]);
        expect((await recipients.latestAccepted(id)).map(({ message }) => message)).toEqual([b]);
      });

      it('with the note of an earlier run', async () => {
        const { id, rows } = await campaignOf(6);
        await recipients.record(id, [marked(rows[4] as number, 'in doubt: timeout'), marked(rows[1] as number)]);
        await query(`update messages set error_message = 'written by the platform' where id = ${rows[2]}`);
        const page = await recipients.pending(id, 0, 10);
        expect(page.map(({ marked }) => marked)).toEqual([false, true, false, false, true, false]);
        expect(page.map(({ attempts }) => attempts)).toEqual([0, 2, 0, 0, 2, 0]);
        expect(await messageRow(rows[4] as number)).toMatchObject({
          status: 'pending',
          error_message: 'wsend: in doubt: timeout',
          retry_count: 2,
        });
        expect(await countersOf(id)).toEqual([6, 0, 0, 0]);
      });
    });

    describe('results are written', () => {
      it('with id, time, attempts and error, and a null id erases none', async () => {
        const { id, rows } = await campaignOf(4);
        const [a, b, c, d] = rows as [number, number, number, number];
        await query(`update messages set whatsapp_message_id = 'before' where id in (${c}, ${d})`);
        await recipients.record(id, [
          ...[marked(a), sent(b, { providerId: 'x'.repeat(300) }), sent(c, { providerId: null })],
          ...[sent(a, { attempts: 2 }), failed(d, { providerId: null })],
        ]);
        expect(await messageRow(a)).toMatchObject({ status: 'sent', whatsapp_message_id: `id-${a}`, error_message: null, retry_count: 2 });
        expect(await messageRow(b)).toMatchObject({ status: 'sent', whatsapp_message_id: 'x'.repeat(255) });
        expect(await messageRow(c)).toMatchObject({ status: 'sent', whatsapp_message_id: 'before' });
        const last = {
          status: 'failed',
          whatsapp_message_id: 'before',
          error_message: 'phone:invalid: not on WhatsApp',
          retry_count: 3,
          sent_at: null,
        };
        expect(await messageRow(d)).toMatchObject(last);
        expect(await countersOf(id)).toEqual([4, 3, 3, 1]);
      });

      it('whatever their texts hold', async () => {
        const { id, rows } = await campaignOf(3);
        const nasty = `a\0b\ud800c'"\\%_?$1:x{}\n\u2028🌍${'é'.repeat(5_000)}`;
        await recipients.record(id, [
          failed(rows[0] as number, { reason: nasty, providerId: nasty }),
          sent(rows[1] as number, { providerId: `\\'; drop table messages; --` }),
          marked(rows[2] as number, nasty),
        ]);
        const row = await messageRow(rows[0] as number);
        expect(row.error_message).toBe(
          [...`phone:invalid: ${nasty.replace('\0', '').replace('\ud800', '\ufffd')}`].slice(0, 2_000).join(''),
        );
        expect((await messageRow(rows[1] as number)).whatsapp_message_id).toBe(`\\'; drop table messages; --`);
        expect((await recipients.pending(id, 0, 10)).map(({ marked }) => marked)).toEqual([true]);
      });

      it('a thousand at once, and again without any effect', async () => {
        const { id, rows } = await campaignOf(1_203);
        const results = rows.map((row, i) => (i % 10 === 0 ? failed(row) : sent(row)));
        await recipients.record(id, results);
        expect(await campaigns.tally(id)).toEqual({ total: 1_203, pending: 0, sent: 1_082, failed: 121 });
        expect(await countersOf(id)).toEqual([1_203, 1_082, 1_082, 121]);
        const before = await query(`select * from campaigns where id = ${id}`);
        await recipients.record(id, results.toReversed());
        await recipients.record(id, []);
        expect(await query(`select * from campaigns where id = ${id}`)).toEqual(before);
      });

      it('from two processes at once, each row counted once', async () => {
        const { id, rows } = await campaignOf(200);
        const results = rows.map((row) => sent(row));
        await Promise.all([
          recipients.record(id, results),
          recipients.record(id, results.toReversed()),
          recipients.record(id, results.slice(50)),
        ]);
        expect(await countersOf(id)).toEqual([200, 200, 200, 0]);
      });

      it('and rows of another campaign, unknown rows and what the platform knows better are left alone', async () => {
        const mine = await campaignOf(3);
        const other = await campaignOf(1);
        await query(`update messages set status = 'delivered' where id = ${mine.rows[0]}`);
        await query(`update messages set status = 'read' where id = ${mine.rows[1]}`);
        await recipients.record(mine.id, [
          ...[...mine.rows.slice(0, 2), ...other.rows].flatMap((row) => [failed(row), sent(row), marked(row)]),
          sent(987_654_321),
        ]);
        expect(await campaigns.tally(mine.id)).toEqual({ total: 3, pending: 1, sent: 2, failed: 0 });
        expect(await campaigns.tally(other.id)).toEqual({ total: 1, pending: 1, sent: 0, failed: 0 });
        expect((await messageRow(mine.rows[0] as number)).status).toBe('delivered');
      });

      it('so that rows and counters agree after any results in any order (property)', async () => {
        const { id, rows } = await campaignOf(6);
        const model = rows.map(() => ({ status: 'pending', attempts: 0 }));
        const result = fc.record({
          row: fc.nat(5),
          kind: fc.constantFrom('sent' as const, 'failed' as const, 'marked' as const),
          attempts: fc.integer({ min: 1, max: 3 }),
        });
        const batches = fc.sample(fc.array(result, { maxLength: 8 }), { numRuns: 25, seed: 42 });
        const reset = fc.sample(fc.boolean(), { numRuns: 25, seed: 7 });
        for (const [at, batch] of batches.entries()) {
          const make = { sent, failed, marked };
          await recipients.record(
            id,
            batch.map(({ row, kind, attempts }) => ({ ...make[kind](rows[row] as number), attempts })),
          );
          for (const { row, kind, attempts } of batch) {
            const state = model[row] as { status: string; attempts: number };
            if (state.status === 'sent' || (state.status === 'failed' && kind !== 'sent')) continue;
            Object.assign(state, { status: kind === 'marked' ? 'pending' : kind, attempts });
          }
          const stored = await query(`select status, retry_count from messages where campaign_id = ${id} order by id`);
          expect(stored.map((row) => ({ status: row.status, attempts: Number(row.retry_count) }))).toEqual(model);
          const number = (status: string) => model.filter((state) => state.status === status).length;
          expect(await countersOf(id)).toEqual([6, number('sent'), number('sent'), number('failed')]);
          if (reset[at]) {
            await recipients.retryFailed(id);
            for (const state of model) if (state.status === 'failed') Object.assign(state, { status: 'pending', attempts: 0 });
          }
        }
      });
    });

    describe('a campaign', () => {
      it('that does not exist is not found', async () => {
        expect(await campaigns.find(123_456)).toBeUndefined();
        expect(await campaigns.tally(123_456)).toEqual({ total: 0, pending: 0, sent: 0, failed: 0 });
        expect(await campaigns.awaitsReplies(123_456, AT)).toBe(false);
        expect(await campaigns.failures(123_456, 5)).toEqual([]);
        await expect(campaigns.setStatus(123_456, 'sending')).rejects.toMatchObject({ exitCode: 2 });
        await expect(recipients.prepare(123_456, () => '')).rejects.toMatchObject({ exitCode: 2 });
      });

      it('changes status, and its counters are put right when it does', async () => {
        const { id, rows } = await campaignOf(3);
        await query(`update messages set status = 'delivered' where id = ${rows[0]}`);
        await query(`update messages set status = 'failed' where id = ${rows[1]}`);
        await query(`update campaigns set updated_at = '2020-01-01 00:00:00', sent_count = 77 where id = ${id}`);
        await campaigns.setStatus(id, 'sending');
        expect((await campaigns.find(id))?.status).toBe('sending');
        expect(await countersOf(id)).toEqual([3, 1, 1, 1]);
        const [first] = await query(`select * from campaigns where id = ${id}`);
        expect(String(first?.updated_at)).toMatch(/\b20(2[1-9]|[3-9]\d)\b/);
        await campaigns.setStatus(id, 'sending');
        expect((await query(`select * from campaigns where id = ${id}`))[0]).toEqual(first);
        await campaigns.setStatus(id, 'completed');
        expect((await campaigns.find(id))?.status).toBe('completed');
      });

      it('is completed only while it is sending and nobody is pending', async () => {
        const { id, rows } = await campaignOf(2);
        expect(await campaigns.complete(id, 'completed')).toBe(false);
        await campaigns.setStatus(id, 'sending');
        expect(await campaigns.complete(id, 'completed')).toBe(false);
        await recipients.record(
          id,
          rows.map((row) => sent(row)),
        );
        expect(await campaigns.complete(id, 'completed')).toBe(true);
        expect((await campaigns.find(id))?.status).toBe('completed');
        expect(await campaigns.complete(id, 'failed')).toBe(false);
      });

      it('is listed with its tally, newest first', async () => {
        const older = await campaignOf(2);
        const newer = await campaignOf(1);
        await recipients.record(older.id, [sent(older.rows[0] as number)]);
        const [first, second] = await campaigns.list();
        expect(first).toMatchObject({ id: newer.id, tally: { total: 1, pending: 1, sent: 0, failed: 0 } });
        expect(second).toMatchObject({ id: older.id, tally: { total: 2, pending: 1, sent: 1, failed: 0 } });
      });

      it('shows what its failures were, most frequent first', async () => {
        const { id, rows } = await campaignOf(6);
        const reasons = ['b', 'a', 'b', 'c', 'b', 'a'];
        await recipients.record(
          id,
          rows.map((row, i) => failed(row, { code: 'x', reason: reasons[i] as string })),
        );
        expect(await campaigns.failures(id, 2)).toEqual([
          { error: 'x: b', count: 3 },
          { error: 'x: a', count: 2 },
        ]);
      });

      it('has its times in UTC, wherever this machine and the database are', async () => {
        const { id, rows } = await campaignOf(2);
        await query(`update campaigns set created_at = '2026-03-29 02:30:00' where id = ${id}`);
        const inUtc = opened.database.dialect === 'postgres' ? `'2026-03-29 02:30:00+00'` : `'2026-03-29 02:30:00'`;
        await query(`update campaigns set created_at = ${inUtc} where id = ${id}`);
        for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata', 'Europe/Paris']) {
          process.env.TZ = zone;
          expect((await campaigns.find(id))?.createdAt).toBe(Date.UTC(2026, 2, 29, 2, 30, 0));
          await recipients.record(id, [sent(rows[0] as number)]);
          expect(await campaigns.awaitsReplies(id, AT + REPLY_WINDOW - 2_000)).toBe(true);
          expect(await campaigns.awaitsReplies(id, AT + REPLY_WINDOW + 2_000)).toBe(false);
        }
      });
    });

    describe('failed recipients are tried again', () => {
      it('from the beginning, and keep the id under which the provider had accepted them', async () => {
        const { id, rows } = await campaignOf(4);
        const [a, b, c, d] = rows as [number, number, number, number];
        await recipients.record(id, [
          failed(a, { providerId: 'accepted-once' }),
          sent(b),
          failed(c, { code: 'unconfirmed:timeout', reason: 'no answer' }),
        ]);
        await campaigns.setStatus(id, 'completed');
        expect(await recipients.retryFailed(id)).toEqual([a, c]);
        expect((await campaigns.find(id))?.status).toBe('sending');
        expect(await recipients.retryFailed(id)).toEqual([]);
        expect(await recipients.pending(id, 0, 10)).toMatchObject([
          { message: a, attempts: 0, marked: false, acceptedBefore: 'accepted-once' },
          { message: c, attempts: 0, marked: true, acceptedBefore: null },
          { message: d, attempts: 0, marked: false, acceptedBefore: null },
        ]);
        expect((await messageRow(a)).error_message).toBeNull();
        expect(await countersOf(id)).toEqual([4, 1, 1, 0]);
      });
    });

    describe('a campaign of categories', () => {
      let next = 40_000_000;

      async function categories(...groups: { number: number; verified?: boolean | null }[][]): Promise<number> {
        const all = [...new Map(groups.flat().map((contact) => [contact.number, contact])).values()].sort((a, b) => a.number - b.number);
        const phone = (number: number) => `+229${next + number}`;
        const values = all.map(({ number, verified = true }) => `('0', '229', '${phone(number)}', 'N${number}', ${verified})`);
        await query(
          `insert into contacts (phone_number, country_code, full_number, first_name, whatsapp_verified) values ${values.join(', ')}`,
        );
        await query(`insert into campaigns (name, message_1, status) values ('c${next}', 'Hello', 'draft')`);
        const id = Number((await query(`select max(id) as id from campaigns`))[0]?.id);
        for (const [at, group] of groups.entries()) {
          await query(`insert into categories (name) values ('g${next}-${at}')`);
          const category = Number((await query(`select max(id) as id from categories`))[0]?.id);
          await query(`insert into campaign_categories (campaign_id, category_id) values (${id}, ${category})`);
          const members = group.map(({ number }) => `'${phone(number)}'`);
          if (members.length > 0) {
            await query(
              `insert into category_contacts (category_id, contact_id) select ${category}, id from contacts where full_number in (${members}) order by id desc`,
            );
          }
        }
        next += 100_000;
        return id;
      }

      const people = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ number: from + i }));

      it('has a number once that is there in five spellings, under the contact that came first', async () => {
        const id = await categories(people(1, 4), people(2, 6));
        const first = `+229${next - 100_000 + 1}`;
        const spelt = first.slice(1);
        for (const number of [spelt, `00${spelt}`, `+${spelt.slice(0, 3)} ${spelt.slice(3)}`, `+${spelt.slice(0, 3)}-${spelt.slice(3)}`]) {
          await query(
            `insert into contacts (phone_number, country_code, full_number, whatsapp_verified) values ('1', '229', '${number}', true)`,
          );
          await query(`insert into category_contacts (category_id, contact_id)
          select max(cc.category_id), (select id from contacts where full_number = '${number}') from campaign_categories cc where cc.campaign_id = ${id}`);
        }
        const foreseen = await recipients.preparable(id);
        const made = await recipients.prepare(id, ({ full_number }) => full_number ?? '');
        expect(made).toEqual({ made: foreseen.count, unverified: 0, duplicates: foreseen.duplicates });
        expect(foreseen.duplicates).toBe(4);
        const texts = (await recipients.pending(id, 0, 100)).map(({ content }) => content);
        expect(texts.filter((text) => text === first || text === spelt)).toEqual([first]);
      });

      it('says whom the rows of each status are for, page by page', async () => {
        const { id, rows } = await campaignOf(5);
        const [a, b, c, d, e] = rows as [number, number, number, number, number];
        await recipients.record(id, [sent(b), failed(c), { kind: 'marked', message: d, note: 'in doubt: x', at: 0, attempts: 1 }]);
        const all = await recipients.peopleIn(id, 'pending', 0, { limit: 10 });
        expect(all.map(({ message, marked, skipped }) => [message, marked, skipped])).toEqual([
          [a, false, false],
          [d, true, false],
          [e, false, false],
        ]);
        expect(all.map(({ phone }) => phone)).toEqual((await recipients.pending(id, 0, 10)).map(({ phone }) => phone));
        expect((await recipients.peopleIn(id, 'pending', a, { limit: 1 })).map(({ message }) => message)).toEqual([d]);
        expect((await recipients.peopleIn(id, 'sent', 0, { limit: 10 })).map(({ message, status }) => [message, status])).toEqual([
          [b, 'sent'],
        ]);
        expect((await recipients.peopleIn(id, 'failed', 0, { limit: 10 })).map(({ message }) => message)).toEqual([c]);
        expect(await recipients.peopleIn(id, 'read', 0, { limit: 10 })).toEqual([]);
      });

      it('counts who failed as a duplicate, and leaves whom it is told to out of a retry', async () => {
        const { id, rows } = await campaignOf(4);
        const [a, b, c] = rows as [number, number, number];
        const duplicate = { ...failed(b), code: 'recipient:duplicate' };
        await recipients.record(id, [failed(a), duplicate, failed(c)]);
        expect(await campaigns.tally(id)).toEqual({ total: 4, pending: 1, sent: 0, failed: 3, duplicates: 1 });
        expect((await campaigns.list()).find((campaign) => campaign.id === id)?.tally.duplicates).toBe(1);
        expect(await recipients.retryFailed(id, new Set([b]))).toEqual([a, c]);
        expect(await campaigns.tally(id)).toEqual({ total: 4, pending: 3, sent: 0, failed: 1, duplicates: 1 });
      });

      it('has each contact once, without those known to have no WhatsApp', async () => {
        const id = await categories(
          [{ number: 1 }, { number: 2, verified: false }, { number: 3, verified: null }],
          [{ number: 3, verified: null }, { number: 4 }, { number: 1 }, { number: 2, verified: false }],
          [],
        );
        const foreseen = await recipients.preparable(id);
        const made = await recipients.prepare(id, ({ first_name, last_name, full_number, phone_number, country_code }) =>
          [first_name, last_name, full_number?.slice(0, 4), phone_number, country_code].join('|'),
        );
        expect(made).toEqual({ made: 3, unverified: 1, duplicates: 0 });
        const page = await recipients.pending(id, 0, 10);
        expect(page.map(({ content }) => content)).toEqual(['N1||+229|0|229', 'N3||+229|0|229', 'N4||+229|0|229']);
        expect(await countersOf(id)).toEqual([3, 0, 0, 0]);
        expect([foreseen.count, await recipients.preparable(id)]).toEqual([made.made, { count: 0, duplicates: 0 }]);
        expect(await recipients.prepare(id, () => 'again')).toEqual({ made: 0, unverified: 0, duplicates: 0 });
        await recipients.record(
          id,
          page.map(({ message }) => failed(message)),
        );
        expect(await recipients.prepare(id, () => 'again')).toEqual({ made: 0, unverified: 0, duplicates: 0 });
      });

      it('of many hundreds in categories that overlap anyhow', async () => {
        const id = await categories(people(0, 1_300), people(499, 502), people(700, 1_900), people(1_899, 1_900));
        expect(await recipients.prepare(id, ({ first_name }) => first_name ?? '')).toEqual({ made: 1_900, unverified: 0, duplicates: 0 });
        const page = await recipients.pending(id, 0, 5_000);
        expect(page.map(({ content }) => content)).toEqual(people(0, 1_900).map(({ number }) => `N${number}`));
      });

      it('of nobody has nobody', async () => {
        const id = await categories([{ number: 1, verified: false }]);
        expect(await recipients.prepare(id, () => 'x')).toEqual({ made: 0, unverified: 1, duplicates: 0 });
        await query(`delete from campaign_categories where campaign_id = ${id}`);
        expect(await recipients.prepare(id, () => 'x')).toEqual({ made: 0, unverified: 0, duplicates: 0 });
      });

      it('whose text cannot be rendered for one contact is not made at all', async () => {
        const id = await categories(people(0, 800));
        const render = ({ first_name }: Record<string, string>) => {
          if (first_name === 'N700') throw new Error('no such variable');
          return 'x';
        };
        await expect(recipients.prepare(id, render)).rejects.toThrow('no such variable');
        expect((await campaigns.tally(id)).total).toBe(0);
        expect(await recipients.prepare(id, () => 'x')).toEqual({ made: 800, unverified: 0, duplicates: 0 });
      });

      it('is made once when two runs make it at the same moment', async () => {
        const id = await categories(people(0, 620));
        const made = await Promise.all([1, 2, 3].map(() => recipients.prepare(id, () => 'x')));
        expect(made.map(({ made }) => made).sort()).toEqual([0, 0, 620]);
        expect((await campaigns.tally(id)).total).toBe(620);
      });
    });
  });
}
