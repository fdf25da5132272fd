import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compare, type LedgerStanding, type ListedMessage } from '../../src/core/verdict.ts';

const live = (id: string | null = 'p1'): ListedMessage => ({ id, whatsappId: `wa-${id}`, failed: false });
const failed = (id: string | null = 'p0'): ListedMessage => ({ id, whatsappId: null, failed: true });

test.each<[string, LedgerStanding, string | null, ListedMessage[], string]>([
  ['sent, and the provider has it', 'sent', 'p1', [live()], 'matching'],
  ['sent, under an id that another program wrote', 'sent', 'other', [live()], 'matching'],
  ['sent, by the id that WhatsApp gave', 'sent', 'wa-p1', [{ ...live(), failed: true }], 'matching'],
  ['sent, accepted and failed later at the provider', 'sent', 'p0', [failed('p0')], 'matching'],
  ['sent after a first attempt that failed there', 'sent', 'p1', [failed('p0'), live('p1')], 'matching'],
  ['sent, without an id', 'sent', null, [failed('p0')], 'matching'],
  ['sent, and only an older attempt is there', 'sent', 'p1', [failed('p0')], 'missing'],
  ['sent, and nothing is there', 'sent', 'p1', [], 'missing'],
  ['sent, and it is there twice', 'sent', 'p1', [live('p1'), live('p2')], 'extra'],
  ['pending', 'pending', null, [], 'matching'],
  ['pending again after it failed there', 'pending', 'p0', [failed('p0')], 'matching'],
  ['pending, and the provider has it', 'pending', null, [live()], 'extra'],
  ['failed', 'failed', 'p0', [failed('p0')], 'matching'],
  ['failed, and the provider has it', 'failed', null, [live()], 'extra'],
  ['in doubt, and the provider has it', 'in_doubt', null, [live()], 'extra'],
  ['in doubt, and the provider has it not', 'in_doubt', null, [], 'matching'],
])('%s', (_, standing, providerId, held, kind) => {
  expect(compare(standing, providerId, held).kind).toBe(kind);
});

test('whatever is held: two that were not failed are extra, one is never missing, and none never extra', () => {
  const held = fc.array(fc.record({ id: fc.option(fc.string()), whatsappId: fc.option(fc.string()), failed: fc.boolean() }), {
    maxLength: 4,
  });
  const standing = fc.constantFrom<LedgerStanding>('pending', 'sent', 'failed', 'in_doubt', 'other');
  fc.assert(
    fc.property(standing, fc.option(fc.string()), held, (stands, providerId, messages) => {
      const { kind } = compare(stands, providerId, messages);
      const alive = messages.filter((message) => !message.failed).length;
      if (alive > 1) expect(kind).toBe('extra');
      if (alive === 1) expect(kind).toBe(stands === 'sent' ? 'matching' : 'extra');
      if (alive === 0) expect(kind).not.toBe('extra');
    }),
  );
});
