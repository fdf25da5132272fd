import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { optOuts } from '../../../../src/adapters/sql/stores/opt-outs.ts';
import { OptOutList } from '../../../../src/loop/opt-out-list.ts';
import type { OptOuts } from '../../../../src/ports/database.ts';
import type { OpenedDatabase } from '../../../contract/campaign-store.ts';
import { freshDatabase, isAvailable } from '../../../support/databases.ts';
import { open } from '../open.ts';

for (const dialect of ['sqlite', 'postgres', 'mysql'] as const) {
  describe.runIf(isAvailable(dialect))(`the list of those who want no messages, on ${dialect}`, () => {
    let opened: OpenedDatabase;
    let list: OptOuts;
    beforeAll(async () => {
      opened = await open(dialect, 'wsend');
      list = optOuts(opened.database);
    });
    afterAll(async () => {
      await opened?.database.close();
      await opened?.beside.drop();
    });
    const listed = async () => {
      const found = [];
      for await (const { phone, source } of list.list()) found.push(`${phone} ${source}`);
      return found;
    };
    const phone = (n: number) => `+22901${String(n).padStart(8, '0')}`;

    it('is empty where it was never written to, and is not made by looking but by writing', async () => {
      const beside = await freshDatabase(dialect);
      const database = await openDatabase(beside.url);
      const { since, list, set } = optOuts(database);
      expect(await since(0)).toEqual({ cursor: 0, changes: [] });
      expect(await list()[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
      await expect(database.db.selectFrom('wsend_optouts').selectAll().execute()).rejects.toThrow();
      expect([await set([phone(1)], true, 'command'), (await since(0)).changes]).toEqual([1, [{ phone: phone(1), out: true }]]);
      await database.close();
      await beside.drop();
    });

    it('tells every change once to whoever follows it', async () => {
      expect(await list.set([phone(1), phone(2), phone(1)], true, 'command')).toBe(2);
      const first = await list.since(0);
      expect(first.changes).toEqual([1, 2].map((n) => ({ phone: phone(n), out: true })));
      expect(await list.set([phone(2)], true, 'again')).toBe(0);
      expect(await list.set([phone(1), phone(3)], false, 'command')).toBe(1);
      const second = await list.since(first.cursor);
      expect(second.changes).toEqual([{ phone: phone(1), out: false }]);
      expect(await list.since(second.cursor)).toEqual({ cursor: second.cursor, changes: [] });
      expect(await listed()).toEqual([`${phone(2)} command`]);
    });

    it.each([
      ['+5541980000005', '+554180000005'],
      ['+525500000003', '+5215500000003'],
      ['+2290197000002', '+22997000002'],
    ])('is of people: %s and %s are one', async (one, other) => {
      const follower = new OptOutList(list);
      const areOut = async () => {
        await follower.read(0);
        return [one, other].map((form) => follower.has(form));
      };
      expect(await list.set([one, other], true, 'both')).toBe(1);
      expect([await areOut(), (await listed()).filter((text) => text.endsWith('both'))]).toEqual([[true, true], [`${one} both`]]);
      expect(await list.set([one], true, 'again')).toBe(0);
      expect(await list.set([one], false, 'off')).toBe(1);
      expect([await areOut(), (await listed()).filter((text) => text.endsWith('both'))]).toEqual([[false, false], []]);
      expect(await list.set([other], false, 'off')).toBe(0);
      expect(await list.set([one], true, 'anew')).toBe(1);
      expect(await areOut()).toEqual([true, true]);
      await list.set([other], false, 'off');
    });

    it('shows nobody a change before an earlier one: who follows it while several write misses none', async () => {
      const others = [optOuts(opened.database), optOuts(opened.database), list];
      const seen: string[] = [];
      let { cursor } = await list.since(0);
      let writing = true;
      const follow = async () => {
        for (let last = false; !last; ) {
          last = !writing;
          const { cursor: next, changes } = await list.since(cursor);
          cursor = next;
          seen.push(...changes.map((change) => change.phone));
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const following = follow();
      await Promise.all(
        others.map(async (writer, w) => {
          for (let i = 0; i < 15; i += 1) await writer.set([phone(1_000 + w * 100 + i)], true, 'test');
        }),
      );
      writing = false;
      await following;
      expect(seen.length).toBe(45);
    });

    it('holds more numbers than one statement takes', async () => {
      const many = Array.from({ length: 1_234 }, (_, i) => phone(500_000 + i));
      expect(await list.set(many, true, 'import')).toBe(1_234);
      expect((await listed()).length).toBeGreaterThanOrEqual(1_234);
    });

    it('says of each number what was said last', async () => {
      const changes = fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 12 });
      let series = 900_000;
      await fc.assert(
        fc.asyncProperty(changes, async (steps) => {
          series += 10;
          const last = new Map<string, boolean>();
          for (const [n, out] of steps) {
            await list.set([phone(series + n)], out, 'test');
            last.set(phone(series + n), out);
          }
          const now = (await listed()).map((text) => text.split(' ')[0]);
          for (const [number, out] of last) expect(now.includes(number as string)).toBe(out);
        }),
        { numRuns: 5 },
      );
    });
  });
}
