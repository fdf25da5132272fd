import { sql } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { UsageError } from '../../../errors.ts';
import type { Preflight } from '../../../ports/database.ts';
import { type ColumnNeed, LISTENING_NEEDS, MAKING_NEEDS, SENDING_NEEDS, unfitColumns } from '../tables/column-needs.ts';
import { GIVE_ANOTHER } from '../tables/exact-ids.ts';
import { type Column, columnsByTable } from '../tables/inspect.ts';
import { hasOwnTables } from '../tables/own-tables.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { durabilityWarnings } from './durability.ts';
import { roomOf } from './room.ts';
import type { Database } from './sql-database.ts';
import { grantOf, LISTENING, MAKING, namesOf, type Right, refusedRights, SENDING_OWN, sendingRights } from './write-rights.ts';

/** Whether the operator's database can be relied on; every call asks it again, and changes nothing. */
export function preflight(database: Database): Preflight {
  return {
    require: (what) =>
      withDatabaseErrors(database, async () => {
        const columns = await columnProblems(database, what === 'listening' ? [...SENDING_NEEDS, ...LISTENING_NEEDS] : SENDING_NEEDS);
        if (what === 'reading') return refuse(database, columns);
        const sending = [...sendingRights(database.dialect), ...((await hasOwnTables(database)) ? SENDING_OWN : [])];
        const rights = what === 'sending' ? sending : [...sending, ...(await thoseThere(database, LISTENING))];
        refuse(database, [...columns, ...(await engineProblem(database)), ...(await rightsProblem(database, rights))]);
      }),

    requireExactIds: () => withDatabaseErrors(database, () => requireExactIds(database)),

    warnings: () =>
      withDatabaseErrors(database, async () => [
        ...(await durabilityWarnings(database)),
        ...(await columnWarnings(database)),
        ...(await rightsWarning(database, MAKING, 'wsend run --csv, or a campaign whose recipients are still to be made')),
        ...(await rightsWarning(database, LISTENING, 'wsend listen')),
      ]),
  };
}

/** Every row with such an id is refused when it is read; this finds them before. */
async function requireExactIds({ db, name }: Database): Promise<void> {
  for (const table of ['campaigns', 'categories', 'contacts', 'messages']) {
    const ends = sql<{ least: unknown; greatest: unknown }>`select min(id) as least, max(id) as greatest from ${sql.table(table)}`;
    const [{ least, greatest } = { least: null, greatest: null }] = (await ends.execute(db)).rows;
    const unfit = [greatest, least].find((id) => id !== null && !(Number.isSafeInteger(Number(id)) && Number(id) > BEFORE_ALL));
    if (unfit !== undefined)
      throw new UsageError(
        `${name} has a row of ${table} with the id ${unfit}; allowed: ${BEFORE_ALL + 1} to ${Number.MAX_SAFE_INTEGER}`,
        GIVE_ANOTHER,
      );
  }
}

interface Problem {
  seen: string;
  next: string;
}

function refuse({ name }: Database, problems: Problem[]): void {
  if (problems.length === 0) return;
  throw new UsageError(`${name} ${problems.map(({ seen }) => seen).join('; ')}`, problems.map(({ next }) => next).join(' '));
}

/** Columns of another type than their texts and times, or too narrow for what must not be cut: noticed else only once something was sent. */
async function columnProblems({ db, dialect }: Database, needs: ColumnNeed[]): Promise<Problem[]> {
  const unfit = unfitColumns(dialect, await columnsByTable(db, dialect), needs);
  if (unfit.length === 0) return [];
  return [
    {
      seen: `has columns that do not hold what wsend keeps there: ${unfit.map(({ seen }) => seen).join('; ')}`,
      next: `Change them: ${unfit.map(({ mend }) => mend).join('; ')}.`,
    },
  ];
}

/** What keeps other commands from their work, and what is cut or written with question marks. */
async function columnWarnings({ db, dialect }: Database): Promise<string[]> {
  const tables = await columnsByTable(db, dialect);
  const unfit = (needs: ColumnNeed[], command: string) =>
    unfitColumns(dialect, tables, needs).map(({ seen, mend }) => `${seen}, so ${command} is refused: ${mend}`);
  const lacking = (table: string, column: string, harm: string) => {
    const { lacks } = roomOf(dialect, tables.get(table)?.get(column));
    return lacks !== null && '🎉'.search(lacks) >= 0
      ? [`${table}.${column} holds no emoji (${tables.get(table)?.get(column)?.charset}): ${harm}`]
      : [];
  };
  return [
    ...unfit(LISTENING_NEEDS, 'wsend listen'),
    ...unfit(MAKING_NEEDS, 'wsend run --csv'),
    ...lacking('messages', 'content', 'a campaign with one in its text is refused'),
    ...lacking('interactions', 'content', 'they are kept as question marks'),
  ];
}

/** Tables that wsend writes in an engine that cannot take a transaction back. Views have none. */
async function engineProblem({ db, dialect }: Database): Promise<Problem[]> {
  if (dialect !== 'mysql') return [];
  const { rows } = await sql<{ name: string; engine: string }>`
    select t.table_name as name, t.engine as engine from information_schema.tables t join information_schema.engines e on e.engine = t.engine
    where t.table_schema = database() and e.transactions <> 'YES'
      and (t.table_name in (${sql.join(WRITTEN)}) or t.table_name like ${'wsend\\_%'})
    order by 1`.execute(db);
  if (rows.length === 0) return [];
  const tables = rows.map(({ name, engine }) => `${name} in ${engine}`).join(', ');
  return [
    {
      seen: `keeps ${tables}, which cannot roll back an interrupted change; allowed: InnoDB`,
      next: `Change it: ${rows.map(({ name }) => `alter table ${name} engine=InnoDB`).join('; ')}.`,
    },
  ];
}

/** Those of the operator's tables. */
const WRITTEN = ['contacts', 'campaigns', 'messages', 'interactions'];

async function rightsProblem(database: Database, rights: Right[]): Promise<Problem[]> {
  const refused = await refusedRights(database, rights);
  if (refused.length === 0) return [];
  const lacking = refused.map(({ right }) => right);
  return [
    {
      seen: `does not let this user ${namesOf(lacking)} (${refused[0]?.reason})`,
      next: `Give the right: ${grantOf(lacking)}.`,
    },
  ];
}

async function rightsWarning(database: Database, rights: Right[], command: string): Promise<string[]> {
  const refused = await refusedRights(database, await thoseThere(database, rights));
  if (refused.length === 0) return [];
  const lacking = refused.map(({ right }) => right);
  return [`this user may not ${namesOf(lacking)}, so ${command} is refused: ${grantOf(lacking)}`];
}

/** What there is nothing to have a right to yet is left out: a table that is made later belongs to its maker. */
async function thoseThere({ db, dialect }: Database, rights: Right[]): Promise<Right[]> {
  const tables = await columnsByTable(db, dialect);
  return rights.flatMap((right) => {
    const there: Map<string, Column> | undefined = tables.get(right.table);
    const columns = right.columns.filter((column) => there?.has(column));
    return there === undefined || (right.columns.length > 0 && columns.length === 0) ? [] : [{ ...right, columns }];
  });
}
