import { REPLY_WINDOW } from '../../../core/campaign.ts';
import type { Fact } from '../../../core/incoming.ts';
import type { EpochMs, Milliseconds } from '../../../core/units.ts';
import { MINUTE, SECOND } from '../../../core/units.ts';
import { DatabaseUnreachable } from '../../../errors.ts';
import type { CountersMoved, FactResult, WorkedOff } from '../../../ports/inbox.ts';
import { describeDatabaseError } from '../open/database-errors.ts';
import { ignoreConflicts, locked } from '../open/dialect.ts';
import { type Fitting, fitted, fittedPlainly } from '../open/room.ts';
import type { Database } from '../open/sql-database.ts';
import { inRepeatableTransaction } from '../open/transaction.ts';
import { namesOf } from '../stores/aliases.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import { deliver } from './delivery-rows.ts';
import { react } from './react.ts';
import { reply } from './reply-rows.ts';
import type { Worked, Working } from './working.ts';

/** What stays the same from one round to the next. */
export type WorkingRules = Pick<Working, 'columns' | 'rooms' | 'stop' | 'write'>;

/** Facts of one kind that are worked off in one transaction: few enough that nothing else waits long for SQLite's one connection. */
const AT_ONCE: Record<Fact['kind'], number> = { delivery: 200, reply: 10, reaction: 20 };

/** One fact of the inbox that is due. */
interface Due {
  id: number;
  fact: Fact;
  receivedAt: EpochMs;
  tries: number;
}

/**
 * Works off the oldest due facts of one kind: their effects, and the marks that they are done, in one transaction. Its rows of the inbox are
 * locked first, so that of two listeners one has them. A round that the database refuses is taken apart, so that one fact holds up no other; then
 * only what it refuses gives way: the contact's words before Message 2, which is sent as it is or not at all.
 */
export async function workOffKind(database: Database, kind: Fact['kind'], at: EpochMs, rules: WorkingRules): Promise<WorkedOff> {
  for (const way of WAYS) {
    try {
      return await round(database, { kind, at, rules, limit: way.limit ?? AT_ONCE[kind], ...way });
    } catch (error) {
      if (isLoss(error, database)) throw error;
    }
  }
  return refuse(database, kind, at);
}

/** How a round is tried, one way after the other. */
const WAYS: { limit?: 1; text: Fitting; unwritable: boolean }[] = [
  { text: fitted, unwritable: false },
  { limit: 1, text: fitted, unwritable: false },
  { limit: 1, text: fittedPlainly, unwritable: false },
  { limit: 1, text: fittedPlainly, unwritable: true },
];

interface Round extends Pick<Working, 'text' | 'unwritable'> {
  kind: Fact['kind'];
  at: EpochMs;
  rules: WorkingRules;
  limit: number;
}

function round(database: Database, { kind, at, rules, limit, text, unwritable }: Round): Promise<WorkedOff> {
  const { dialect } = database;
  return inRepeatableTransaction(database, async (transaction) => {
    const working: Working = { ...rules, transaction, dialect, at, now: toStored(at, dialect), text, unwritable };
    const due = await takeDue(working, kind, limit);
    const { worked, moved } = await workOff(working, due);
    await mark(
      working,
      due.map((one, i) => ({ ...one, result: (worked[i] as Worked).result })),
    );
    await keepStrangers(
      working,
      due.filter((_, i) => worked[i]?.stranger !== undefined),
    );
    return {
      results: worked.map(({ result, stranger }) => ({ kind, result, ...(stranger !== undefined && { stranger }) })),
      message2: {
        pending: worked.filter(({ message2 }) => message2 === 'pending').length,
        failed: worked.filter(({ message2 }) => message2 === 'failed').length,
      },
      moved,
    };
  });
}

async function workOff(working: Working, due: Due[]): Promise<{ worked: Worked[]; moved: CountersMoved[] }> {
  const deliveries = due.flatMap(({ fact }) => (fact.kind === 'delivery' ? [fact] : []));
  if (deliveries.length > 0) {
    const { results, moved } = await deliver(working, deliveries);
    return { worked: results.map((result) => ({ result, message2: null })), moved };
  }
  const worked: Worked[] = [];
  for (const { fact, receivedAt } of due) {
    if (fact.kind === 'reply') worked.push(await reply(working, fact, receivedAt));
    else if (fact.kind === 'reaction') worked.push({ result: await react(working, fact), message2: null });
  }
  return { worked, moved: [] };
}

async function takeDue({ transaction, dialect, now }: Working, kind: Fact['kind'], limit: number): Promise<Due[]> {
  const query = transaction
    .selectFrom('wsend_inbox')
    .select(['id', 'fact', 'received_at', 'tries'])
    .where('kind', '=', kind)
    .where('done_at', 'is', null)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit);
  const rows = await locked(dialect, query).execute();
  return rows.map(({ id, fact, received_at, tries }) => ({
    id: Number(id),
    fact: JSON.parse(fact) as Fact,
    receivedAt: fromStored(received_at) ?? 0,
    tries: Number(tries),
  }));
}

/** Writes down what became of facts: done for good, or due again when they wait for our own record of a send. */
async function mark({ transaction, dialect, at, now }: Working, worked: (Due & { result: FactResult })[]): Promise<void> {
  const done = new Map<FactResult, number[]>();
  for (const { id, fact, receivedAt, tries, result } of worked) {
    const again = WAITING.has(result) ? dueAgain(fact, { tries, receivedAt, now: at }) : null;
    if (again === null) done.set(result, [...(done.get(result) ?? []), id]);
    else
      await transaction
        .updateTable('wsend_inbox')
        .set({ due_at: toStored(again, dialect), tries: tries + 1 })
        .where('id', '=', id)
        .execute();
  }
  for (const [result, ids] of done)
    await transaction.updateTable('wsend_inbox').set({ done_at: now, result }).where('id', 'in', ids).execute();
}

/** Keeps who these are from, in case it becomes known who that is: see `link`. */
async function keepStrangers({ transaction, dialect }: Working, due: Due[]): Promise<void> {
  const rows = due.flatMap(({ id, fact }) => namesOf(fact).map((name) => ({ name, inbox_id: id })));
  if (rows.length > 0) await ignoreConflicts(dialect, transaction.insertInto('wsend_strangers').values(rows), 'inbox_id').execute();
}

const WAITING = new Set<FactResult>(['unknown', 'waits', 'refused']);

/** The oldest due fact, which the database does not take: tried again for a while, for the reason may be passing, then given up. */
function refuse(database: Database, kind: Fact['kind'], at: EpochMs): Promise<WorkedOff> {
  const { dialect } = database;
  return inRepeatableTransaction(database, async (transaction) => {
    const working = { transaction, dialect, at, now: toStored(at, dialect) } as Working;
    const due = await takeDue(working, kind, 1);
    await mark(
      working,
      due.map((one) => ({ ...one, result: 'refused' })),
    );
    return { results: due.map(() => ({ kind, result: 'refused' })), message2: { pending: 0, failed: 0 }, moved: [] };
  });
}

function isLoss(error: unknown, { name }: Database): boolean {
  return describeDatabaseError(error, name, 'open') instanceof DatabaseUnreachable || error instanceof DatabaseUnreachable;
}

/** The longest wait between two tries of a fact that waits for our own record of a send. */
const LONGEST_WAIT: Milliseconds = MINUTE;
/** A report about a message that is still unknown after this time is not about one of ours: the line is used by other programs too. */
const UNKNOWN_AFTER: Milliseconds = 10 * MINUTE;

/** When a fact that could not be worked off yet is due again: after 1 s, 2 s, 4 s … 60 s. Null once it is not waited for any longer. */
export function dueAgain(fact: Fact, { tries, receivedAt, now }: { tries: number; receivedAt: EpochMs; now: EpochMs }): EpochMs | null {
  const end = fact.kind === 'reply' ? Math.max(fact.at + REPLY_WINDOW, receivedAt + UNKNOWN_AFTER) : receivedAt + UNKNOWN_AFTER;
  if (now >= end) return null;
  return Math.min(now + Math.min(SECOND * 2 ** Math.min(tries, 10), LONGEST_WAIT), end);
}
