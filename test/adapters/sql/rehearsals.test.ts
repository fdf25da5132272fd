import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';
import { createMissingTables } from '../../../src/adapters/sql/tables/schema.ts';
import { UsageError } from '../../../src/errors.ts';

describe('an SQLite file belongs to one world, whatever path leads to it', () => {
  let folder: string;
  let open: Database[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wsend-worlds-'));
    symlinkSync(join(folder, 'a.db'), join(folder, 'link.db'));
  });
  afterEach(async () => {
    for (const database of open) await database.close();
    open = [];
    rmSync(folder, { recursive: true });
  });
  const opened = async (name: string, rehearsals: boolean, readOnly = false) => {
    const database = await openDatabase(`sqlite:${join(folder, name)}`, { rehearsals, readOnly });
    open.push(database);
    return database;
  };

  it.each(['a.db', './/a.db', 'link.db'])(
    '%s with rehearsals in it is nobody’s database, neither to send from nor to copy from',
    async (name) => {
      await createMissingTables(await opened('a.db', true));
      for (const readOnly of [false, true]) {
        await expect(opened(name, false, readOnly)).rejects.toThrow(UsageError);
        await expect(opened(name, false, readOnly)).rejects.toThrow(/holds rehearsals, and what is in it must not be sent to people$/);
      }
      await expect(opened(name, true)).resolves.toBeDefined();
    },
  );

  it.each(['a.db', './/a.db', 'link.db'])('%s with campaigns in it keeps no rehearsals', async (name) => {
    await createMissingTables(await opened('a.db', false));
    await expect(opened(name, true)).rejects.toThrow(/is a database of its own, and rehearsals would change it$/);
    await expect(opened(name, false)).resolves.toBeDefined();
  });
});
