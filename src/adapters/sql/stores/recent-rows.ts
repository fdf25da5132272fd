import { setImmediate } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { BEFORE_ALL } from '../../../core/campaign.ts';
import { IN_DOUBT_PREFIX, readNote, recentNote } from '../../../core/note.ts';
import { personKey } from '../../../core/person.ts';
import { toE164 } from '../../../core/phone.ts';
import { TextIndex } from '../../../core/text-index.ts';
import { DAY, type EpochMs } from '../../../core/units.ts';
import type { Recent } from '../../../ports/recent-texts.ts';
import type { Database } from '../open/sql-database.ts';
import { chunks } from '../tables/chunks.ts';
import { asText, hasStatus, messageRows, TAKEN } from '../tables/message-rows.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import type { Schema } from '../tables/table-types.ts';

/** Rows read at a time: enough to be fast, few enough that memory stays flat. */
const PAGE = 1_000;

interface Reading {
  since: EpochMs;
  open: ReadonlySet<number>;
  /** Whose rows are passed over. */
  except: number | null;
}

/**
 * Reads everybody who had a Message 1 since then, or may have had it, of every campaign but one, a page at a time. They are counted first: most often
 * there is no one, and else the index has the size that it needs from the beginning.
 */
export async function readRecent(database: Database, { since, open, except }: Reading): Promise<Recent | null> {
  const { db, dialect } = database;
  const rows = () => {
    const at = toStored(since, dialect);
    // SQLite has times as texts, in whatever form and zone: the day, which costs little to compare, settles all that are old.
    const day = toStored(since - DAY, dialect).slice(0, 10);
    const later = (column: string) => {
      const stored = sql.ref(column);
      if (dialect !== 'sqlite') return sql<boolean>`${stored} > ${at}`;
      return sql<boolean>`(${stored} >= ${day} and julianday(${stored}) > julianday(${at}))`;
    };
    const doubt = sql<boolean>`error_message like ${`${IN_DOUBT_PREFIX}%`}`;
    return db
      .selectFrom('messages')
      .where('message_type', '=', 'message_1')
      .where('campaign_id', '!=', except ?? BEFORE_ALL)
      .where((eb) =>
        eb.or([
          eb.and([hasStatus(dialect, ...TAKEN), later('sent_at')]),
          eb.and([hasStatus(dialect, 'pending'), doubt, later('updated_at')]),
        ]),
      );
  };
  const { count } = await rows().select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  const expected = Number(count) + open.size;
  if (expected === 0) return null;
  const index = new TextIndex(expected);
  for (let after: number | undefined = BEFORE_ALL; after !== undefined && Number(count) > 0; ) {
    const page: Had[] = await withPhones(db, rows().where('id', '>', after).orderBy('id').limit(PAGE)).execute();
    addAll(index, page);
    await setImmediate();
    after = page.at(-1)?.id;
  }
  for (const ids of chunks([...open]))
    addAll(
      index,
      (await rowsById(db, ids)).filter(({ campaign_id }) => Number(campaign_id) !== except),
    );
  return { index, open };
}

/** A row whose person and text are compared. */
interface Candidate {
  message: number;
  /** As it is stored. */
  phone: string;
  content: string;
}

/** Those of a campaign's rows (at most a chunk) that carry no note of ours, to be compared. */
export async function candidates(db: Kysely<Schema>, campaign: number, messages: number[]): Promise<Candidate[]> {
  const rows = await withPhones(db, messageRows(db, campaign).where('id', 'in', messages))
    .select('m.error_message')
    .execute();
  return rows
    .filter(({ error_message }) => readNote(asText(error_message)) === null)
    .map(({ id, full_number, content }) => ({ message: Number(id), phone: asText(full_number), content: asText(content) }));
}

/** Those whose person had the very text, with the note that says when and in which campaign: what the index found, compared letter by letter. */
export async function confirmed<T extends Candidate>(db: Kysely<Schema>, { index, open }: Recent, rows: T[]): Promise<Map<T, string>> {
  const found = rows.flatMap((row) => {
    const person = personOf(row.phone);
    const had = person === null || row.content === '' ? null : index.find(person, row.content);
    return had === null ? [] : [{ row, person, had }];
  });
  const notes = new Map<T, string>();
  for (const some of chunks(found)) {
    const rowsThen = new Map((await rowsById(db, [...new Set(some.map(({ had }) => had))])).map((row) => [Number(row.id), row]));
    for (const { row, person, had } of some) {
      const then = rowsThen.get(had);
      const isSame = then !== undefined && personOf(asText(then.full_number)) === person && asText(then.content) === row.content;
      const inDoubt = then?.status === 'pending' && (open.has(had) || readNote(asText(then.error_message))?.kind === 'in_doubt');
      if (!isSame || !(inDoubt || TAKEN.includes(then.status))) continue;
      const at = fromStored(then.sent_at) ?? fromStored(then.updated_at) ?? 0;
      notes.set(row, recentNote({ at, campaign: Number(then.campaign_id), inDoubt }));
    }
  }
  return notes;
}

type Had = Awaited<ReturnType<ReturnType<typeof withPhones>['execute']>>[number];

function addAll(index: TextIndex, rows: Had[]): void {
  for (const { id, full_number, content } of rows) {
    const [person, text] = [personOf(asText(full_number)), asText(content)];
    if (person !== null && text !== '') index.add(person, text, Number(id));
  }
}

function personOf(stored: string) {
  const phone = toE164(stored);
  return phone === undefined ? null : personKey(phone);
}

function rowsById(db: Kysely<Schema>, ids: number[]) {
  const rows = db.selectFrom('messages').where('id', 'in', ids).where('message_type', '=', 'message_1');
  return withPhones(db, rows).select(['m.campaign_id', 'm.status', 'm.error_message', 'm.sent_at', 'm.updated_at']).execute();
}

/**
 * These rows with the numbers of their contacts; found before these are joined, so that no more contacts are read than rows. Of a million rows each
 * further column is felt: nothing more is selected.
 */
function withPhones(db: Kysely<Schema>, rows: ReturnType<typeof messageRows>) {
  const page = rows.select(['id', 'campaign_id', 'contact_id', 'content', 'status', 'error_message', 'sent_at', 'updated_at']).as('m');
  return db
    .selectFrom(page)
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.content', 'c.full_number'])
    .orderBy('m.id');
}
