import { expect, it } from 'vitest';
import { openDatabase } from '../../../src/adapters/sql/database.ts';
import { movePace } from '../../../src/adapters/sql/move-pace.ts';
import { freshDatabase, isAvailable } from '../../support/databases.ts';

for (const dialect of (['postgres', 'mysql'] as const).filter(isAvailable))
  it(`the pace of a line is known to have been kept elsewhere, once (${dialect})`, async ({ onTestFinished }) => {
    const { url, query, drop } = await freshDatabase(dialect);
    const database = await openDatabase(url);
    onTestFinished(async () => {
      await database.close();
      await drop();
    });
    const long = `líne-${'x'.repeat(300)}`;
    const moves = async (line: string, ...stores: string[]) => {
      const moved = [];
      for (const store of stores) moved.push(await movePace(database, line, store));
      return moved;
    };
    expect(await moves('a', 'one', 'one', 'two', 'two', 'one')).toEqual([false, false, true, false, true]);
    expect(await moves('A', 'two')).toEqual([false]);
    expect(await moves(long, 'one', 'two')).toEqual([false, true]);
    expect((await query('select pace_in from wsend_lines order by line'))[0]).toEqual({ pace_in: 'two' });

    // Two that share a store may note it in the same moment.
    expect(await Promise.all([movePace(database, 'b', 'one'), movePace(database, 'b', 'one')])).toEqual([false, false]);

    // Who may not write it cannot tell.
    const user = `wsend_u_${process.pid}`;
    const name = new URL(url).pathname.slice(1);
    if (dialect === 'postgres') await query(`create role ${user} login password 'x'; grant select on wsend_lines to ${user}`);
    else await query(`create user ${user} identified by 'x'; grant select on ${name}.wsend_lines to ${user}`);
    const restricted = new URL(url);
    Object.assign(restricted, { username: user, password: 'x' });
    const other = await openDatabase(restricted.href);
    try {
      expect(await movePace(other, 'a', 'two')).toBe(true);
    } finally {
      await other.close();
      await query(dialect === 'postgres' ? `drop owned by ${user}; drop role ${user}` : `drop user ${user}`);
    }
  });
