import { openDatabase } from '../../../src/adapters/sql/open/sql-database.ts';

/** Run as a child: opens the database it is told, and prints `opened`, or why not. */
const { message, next, exitCode } = await openDatabase(process.argv[2] as string).then(
  () => ({ message: 'opened', next: undefined, exitCode: 0 }),
  (error) => error,
);
console.log(JSON.stringify({ message, next, exitCode }));
process.exit();
