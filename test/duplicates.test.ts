import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doubtNote, noteText, SKIPPED } from '../src/core/note.ts';
import { DUPLICATE, personKey } from '../src/core/person.ts';
import { createPersonTable } from '../src/core/person-table.ts';
import { toE164 } from '../src/core/phone.ts';
import { findPersons } from '../src/loop/persons.ts';
import { MemoryStore } from './support/memory-store.ts';
import { SimWorld } from './support/sim-world.ts';

/** A world whose campaign is to these numbers, in this order. */
function worldOf(phones: string[]): SimWorld {
  const world = new SimWorld(phones.length);
  for (const [i, phone] of phones.entries()) Object.assign(world.store.rows[i] as object, { phone });
  return world;
}
const rowsOf = ({ store }: SimWorld) => store.rows.map(({ status, error }) => (error?.startsWith(DUPLICATE) ? 'duplicate' : status));
const acceptedBy = ({ provider }: SimWorld) => provider.accepted.map(({ phone }) => personKey(phone));

const SPELLINGS = ['+229 01 97 00 02 00', '+2290197000200', '2290197000200', '002290197000200', '+229-01-97-00-02-00'];
const FORMS = [
  ['+5541980000005', '+554180000005'],
  ['+525500000003', '+5215500000003'],
  ['+5491120000002', '+541120000002'],
  ['+2290197000002', '+22997000002'],
  ['+2250707000003', '+22507000003'],
] as const;

describe('one person, one message', () => {
  it.each([SPELLINGS, ...FORMS])(
    'whatever the spelling or form: of %s … the first by id is sent, the others fail before the first send',
    async (...phones) => {
      const world = worldOf(['+33612345678', ...phones]);
      const ending = await world.finish();
      expect(rowsOf(world)).toEqual(['sent', 'sent', ...phones.slice(1).map(() => 'duplicate')]);
      const failed = world.events.flatMap((event) => (event.type === 'failed' ? [event] : []));
      expect(failed.map(({ code, message, reason }) => [code, message, reason])).toEqual(
        phones.slice(1).map((_, i) => [DUPLICATE, i + 3, 'another message of this campaign is for the same person']),
      );
      expect(world.events.findIndex(({ type }) => type === 'failed')).toBeLessThan(world.events.findIndex(({ type }) => type === 'sent'));
      const counts = { total: phones.length + 1, sent: 2, failed: phones.length - 1, duplicates: phones.length - 1, pending: 0 };
      expect(ending).toMatchObject({ exitCode: 3, progress: counts });
      expect(world.kept().counted).toEqual({ sent: 2, failed: phones.length - 1 });
      expect(world.events.at(-1)).toMatchObject({ type: 'summary', next: null });
    },
  );

  it('in whatever order: who was sent to, or is in doubt, has had it; no other row of theirs is sent', async () => {
    const world = worldOf(['+2290197000200', '+33612345678', '2290197000200', '+33 6 12 34 56 78']);
    Object.assign(world.store.rows[2] as object, { status: 'sent', sentAt: 1 });
    Object.assign(world.store.rows[3] as object, { error: noteText(doubtNote('timeout')) });
    world.provider.accepted.length = 0;
    await world.finish();
    expect(rowsOf(world)).toEqual(['duplicate', 'duplicate', 'sent', 'sent']);
    expect(acceptedBy(world)).toEqual(['+33612345678']);
  });

  it('of many duplicates none counts into the error rate, the circuit breaker or the pace', async () => {
    const world = worldOf([...Array(30).fill('+2290197000200'), ...Array.from({ length: 25 }, (_, i) => `+336123456${10 + i}`)]);
    const ending = await world.finish();
    expect(ending).toMatchObject({ exitCode: 3, progress: { sent: 26, failed: 29, duplicates: 29 } });
    expect(world.events.filter(({ type }) => type === 'delay')).toEqual([]);
    const starts = world.provider.accepted.map(({ at }) => at);
    expect((starts.at(-1) as number) - (starts[0] as number)).toBe(25 * world.policy.pace.delayMs);
  });

  it('a row that another program adds while it runs, or between runs, does not reach the same person twice', async () => {
    const world = worldOf(['+2290197000200', '+33612345678']);
    const add = (phone: string) =>
      world.store.rows.push({
        ...(world.store.rows[0] as MemoryStore['rows'][number]),
        ...FRESH,
        message: world.store.rows.length + 1,
        phone,
      });
    let added = false;
    world.onEvent = ({ type }) => {
      if (type !== 'sent' || added) return;
      added = true;
      add('+229 01 97 00 02 00');
    };
    await world.finish();
    add('22997000200');
    await world.finish();
    expect(rowsOf(world)).toEqual(['sent', 'sent', 'duplicate', 'duplicate']);
    expect(acceptedBy(world)).toHaveLength(2);
  });

  it('who wants no messages is left out once and not sent to under another spelling', async () => {
    const world = worldOf(['+2290197000200', '22997000200']);
    await world.optOuts.set(['+2290197000200'], true, 'test');
    await world.finish();
    expect(rowsOf(world)).toEqual(['pending', 'duplicate']);
    expect(world.store.rows[0]?.error).toBe(noteText(SKIPPED));
    expect(acceptedBy(world)).toEqual([]);
  });

  it('killed anywhere, also in the middle of the marking: everybody gets it once, and every row is accounted for', async () => {
    for (let call = 1; call <= 60; call++) {
      for (const after of [false, true]) {
        const world = worldOf([...SPELLINGS, ...FORMS[0], '+33612345678']);
        world.lenient = true;
        await world.killed(call, { after });
        await world.finish();
        expect(new Set(acceptedBy(world)).size, `call ${call}`).toBe(acceptedBy(world).length);
        expect(rowsOf(world)).toEqual(['sent', ...Array(4).fill('duplicate'), 'sent', 'duplicate', 'sent']);
      }
    }
  });
});

const FRESH = { status: 'pending', attempts: 0, error: null, providerId: null, sentAt: null } as const;

describe('a retry', () => {
  it('leaves alone whose person has another message, and sends to those who have none', async () => {
    const store = new MemoryStore(5);
    const phones = ['+2290197000200', '2290197000200', '+33612345678', '+33612345679', 'no number'];
    for (const [i, phone] of phones.entries())
      Object.assign(store.rows[i] as object, { phone, status: i === 0 ? 'sent' : 'failed', error: 'x' });
    const { notAgain, duplicates } = await findPersons(store, { campaign: 42, total: 5, open: new Set(), failed: true });
    expect([notAgain, duplicates]).toEqual([[2], []]);
    expect(await store.retryFailed(42, new Set(notAgain))).toEqual([3, 4, 5]);
  });
});

describe('people in a table', () => {
  it('are never taken for one another, and are found again', () => {
    const phone = fc.stringMatching(/^\+[1-9]\d{6,14}$/);
    fc.assert(
      fc.property(fc.array(phone, { maxLength: 3_000 }), fc.nat(2_000), (phones, expected) => {
        const table = createPersonTable(expected);
        const places = new Map<string, number>();
        for (const one of phones) {
          const known = places.get(one) ?? places.size;
          expect(table.place(one)).toBe(known);
          places.set(one, known);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('a million of them, one after the other', () => {
    const table = createPersonTable();
    const phones = (n: number) => `+22901${String(n).padStart(8, '0')}`;
    for (let n = 0; n < 1_000_000; n++) if (table.place(phones(n)) !== n) throw new Error(`${n} is another`);
    for (let n = 0; n < 1_000_000; n += 997) expect(table.place(phones(n))).toBe(n);
  });
});

it.each([
  '(+229) 01 97 00 02 00',
  '+229/01.97.00.02.00',
  '\u202a+229\u00a001\u202f97000200\u202c',
  '+229\u201101\u201197000200',
  '＋２２９０１９７０００２００',
])('%j is a spelling of +2290197000200', (stored) => expect(toE164(stored)).toBe('+2290197000200'));
