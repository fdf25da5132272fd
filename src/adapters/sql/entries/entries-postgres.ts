import { type RawBuilder, sql } from 'kysely';
import { judge } from '../../../core/fence.ts';
import { LeaseLost } from '../../../errors.ts';
import type { Write } from '../../../ports/entries.ts';
import { serverNow } from '../open/dialect.ts';
import type { Database } from '../open/sql-database.ts';
import { hasRunOut } from './entries-write.ts';

/**
 * Makes one step durable on PostgreSQL in one statement and one round trip: see Entries. Checkpoints are locked in the order of their names,
 * and entries are written only by the run that has locked their checkpoint. The statement sees entries as they were when it began, which is how the
 * step before left them: that one was confirmed before. Throws what the driver throws, and LeaseLost.
 */
export async function writeAtOnce({ db, name: place }: Database, step: number, writes: readonly [Write, ...Write[]]): Promise<void> {
  const names = writes.map(({ name }) => name);
  const fields = writes.flatMap((write) => Object.entries(write.fields).map(([field, value]) => [write.name, field, value] as const));
  const put = fields.filter(([, , value]) => value !== null);
  const taken = fields.filter(([, , value]) => value === null);
  const { rows } = await sql<{ name: string | null; epoch: number; step: number; written: boolean }>`
    with durable as (${DURABLY}),
    stands as materialized (
      select c.name, c.epoch, c.step from wsend_checkpoints c
      where c.name = any(${names}::text[]) and not ${hasRunOut('postgres')} order by c.name for update
    ), verdict as materialized (
      select count(*) = ${writes.length} and bool_and(s.step = ${step - 1} or s.name <> ${names[0]}) as written
      from stands s join ${unnest(
        writes.map(({ name, epoch }) => [name, epoch]),
        'text',
        'bigint',
      )} w (name, epoch)
        on s.name = w.name and s.epoch = w.epoch
    ), changed as (
      update wsend_checkpoints c set step = coalesce(w.step, c.step), kept_until = case
        when w.kept_for is null then c.kept_until when w.kept_for >= 0 then ${serverNow('postgres')} + w.kept_for end
      from verdict, ${unnest(lives(step, writes), 'text', 'bigint', 'bigint')} w (name, step, kept_for)
      where written and c.name = w.name
    ), put as (
      insert into wsend_entries (name, field, value)
      select p.name, p.field, p.value from verdict, ${unnest(put, 'text', 'text', 'text')} p (name, field, value) where written
      on conflict (name, field) do update set value = excluded.value
    ), taken as (
      delete from wsend_entries e using verdict, ${unnest(taken, 'text', 'text', 'text')} t (name, field, value)
      where written and e.name = t.name and e.field = t.field
    )
    select v.written, s.name, s.epoch, s.step from verdict v left join stands s on true left join durable on true`.execute(db);
  if (rows[0]?.written) return;
  const found = new Map(rows.map((row) => [row.name, row]));
  const verdict = judge(
    place,
    { step, names: writes },
    names.map((name) => found.get(name) ?? null),
  );
  if (typeof verdict === 'object') throw new LeaseLost(verdict.lost);
  if (verdict === 'next') throw new Error(`a step that follows was refused: ${JSON.stringify(rows)}`);
}

/** As BEGIN_DURABLY: what is confirmed is on the server's own disk at least. */
const DURABLY = sql`select set_config('synchronous_commit', 'local', true) where current_setting('synchronous_commit', true) = 'off'`;

/** The names that change themselves: the first counts, others are kept for another time. Kept for good is -1, as it is null. */
function lives(step: number, writes: readonly Write[]): [string, number | null, number | null][] {
  return writes.flatMap(({ name, keptFor }, i): [string, number | null, number | null][] =>
    i > 0 && keptFor === undefined ? [] : [[name, i === 0 ? step : null, keptFor === undefined ? null : (keptFor ?? -1)]],
  );
}

/** Rows as a table: an array for each column, so that the statement is the same text for any number of them. */
function unnest(rows: readonly (readonly unknown[])[], ...types: ('text' | 'bigint')[]): RawBuilder<unknown> {
  return sql`unnest(${sql.join(types.map((type, i) => sql`${rows.map((row) => row[i])}::${sql.raw(type)}[]`))})`;
}
