import { afterAll, expect, test } from 'vitest';
import { EVENTS } from '../adapters/terminal/support.ts';
import { faultsOf, TYPES } from '../docs/schema.ts';
import { events, type Outcome, Place, phones, QUICK } from './program.ts';

const place = new Place({ ...QUICK, WASSENGER_LOOKUP_SECONDS: '0.1' });
afterAll(() => place.leave());

const seen = new Set<string>();

/** Every object of these outputs is what docs/json-schema.json says. */
function hold(...outcomes: Pick<Outcome, 'stdout' | 'stderr'>[]): void {
  for (const { stdout, stderr } of outcomes) {
    for (const printed of [...events({ stdout }), ...events({ stdout: stderr })] as { type: string }[]) {
      expect(faultsOf(printed)).toBe('');
      seen.add(printed.type);
    }
  }
}

const wsend = (...args: string[]) => place.run([...args, '--json']);

async function behindItsBack(statement: string): Promise<void> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  file.exec(statement);
  file.close();
}

test('whatever a command prints with --json is what docs/json-schema.json says', { timeout: 300_000 }, async () => {
  place.write('people.csv', `phone,first_name\n${phones(6).join(',Ama\n')},Ama\n${phones(1)[0]},Ama\nnone,Ama\n`);
  const file = ['--csv', 'people.csv', '--message', 'Hello {{first_name}}', '--skip-invalid'];
  hold(await wsend('run', ...file, '--dry-run'), await wsend('estimate', '--count', '10'), await wsend('estimate', '--csv', 'people.csv'));
  hold(await wsend('status'), await wsend('status', '7'), await wsend('sandbox', '--fault', 'list'), await wsend('doctor', '--sql'));

  const sandbox = await place.sandbox('reject=+229010000', 'lookup-fail=1', 'truncate=1');
  hold(await wsend('doctor'), await wsend('run', ...file, '--message-2', 'Thanks', '--batch-size', '2', '--limit', '4', '--yes'));
  hold(await wsend('status'), await wsend('status', '1'), await wsend('report', '1'), await wsend('run', '--campaign', '1', '--dry-run'));
  hold(await wsend('estimate', '--campaign', '1'), await wsend('verify', '1'), await wsend('reconcile', '1'));
  await sandbox.set({ truncate: 0, lookupFail: 0, reject: '0' });
  hold(await wsend('reconcile', '1', '--assume', 'absent', '--yes'), await wsend('optout', 'add', phones(6)[5] as string));
  hold(await wsend('resume', '1', '--yes'), await wsend('optout', 'list'), await wsend('optout', 'remove', phones(6)[5] as string));
  hold(await wsend('verify', '1'), await wsend('retry', '1', '--yes'), await wsend('report', '1'));

  hold(await wsend('run', ...file, '--again', '--limit', '1', '--yes'), await wsend('pause', '2'), await wsend('cancel', '2'));
  hold(
    await wsend('resume', '--all'),
    await wsend('resume', '2'),
    await wsend('status', '2'),
    await wsend('optout', 'import', 'people.csv'),
  );

  await behindItsBack("update messages set whatsapp_message_id = 'gone', content = 'another' where id = 1");
  await behindItsBack("update messages set status = 'pending' where id = 2");
  await behindItsBack("insert into campaigns (name, message_1) values ('never begun', 'Hello')");
  hold(await wsend('verify', '1'), await wsend('reconcile', '3'));

  hold(await wsend('run', ...file, '--sandbox', '--yes', '--fault', 'reject=0.5'));
  hold(await wsend('status', '--sandbox'), await wsend('verify', '1', '--sandbox'), await wsend('report', '1', '--sandbox'));

  const listener = place.start(['listen', '--port', '0', '--json'], { WASSENGER_WEBHOOK_SECRET: 's'.repeat(16) });
  await listener.tells('listening');
  listener.process.kill('SIGTERM');
  const another = place.start(['sandbox', '--port', '0', '--json']);
  await another.tells('sandbox');
  another.process.kill('SIGTERM');
  hold(await listener.ended, await another.ended);

  // What no run of this kind brings about is held to the schema by an event of each type, in test/docs/json.test.ts.
  expect(TYPES.filter((type) => !seen.has(type) && !(type in EVENTS))).toEqual([]);
});
