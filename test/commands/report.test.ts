import { expect, test } from 'vitest';
import { csvLine } from '../../src/adapters/csv/cells.ts';
import { report } from '../../src/commands/report.ts';
import type { RecipientReport } from '../../src/ports/database.ts';
import type { World } from '../../src/world.ts';

const ONE: RecipientReport = {
  ...{ message: 7, phone: '+2290196121001', firstName: 'Afi', lastName: null, status: 'sent', reason: null, attempts: 1 },
  ...{ sentAt: 0, deliveredAt: null, readAt: null, reply: null, repliedAt: null, reactedAt: null, message2: null },
};

/** What the report prints, as text and as objects. */
async function shown(sandbox: boolean): Promise<{ text: string; objects: Record<string, unknown>[] }> {
  let text = '';
  const objects: Record<string, unknown>[] = [];
  const world = {
    sandbox,
    clock: { now: () => 0 },
    data: async () => ({ campaigns: { find: async (id: number) => ({ id }) } }),
    recipientReports: async () => ({ page: async () => [ONE] }),
    csvLine: async () => csvLine,
    show: {
      row(json: Record<string, unknown>, line: string) {
        objects.push(json);
        text += line;
      },
      drained: async () => true,
    },
  };
  expect(await report(world as unknown as World, { id: '42' })).toBe(0);
  return { text, objects };
}

test('every row of a rehearsal says so: in the last column, and with --json after the campaign', async () => {
  const { text, objects } = await shown(true);
  const [head, row] = text.split('\n');
  expect(head).toMatch(/^message,phone,.+,message_2,sandbox$/);
  expect(row).toMatch(/^7,\+2290196121001,Afi,,sent,.+,true$/);
  expect(JSON.stringify(objects[0])).toMatch(/^\{"type":"recipient","campaign":42,"sandbox":true,"message":7,/);
});

test('a campaign that reached people has nothing of the kind', async () => {
  const { text, objects } = await shown(false);
  expect(text).not.toContain('sandbox');
  expect(text.split('\n')[0]).toMatch(/,message_2$/);
  expect(objects[0]).not.toHaveProperty('sandbox');
});
