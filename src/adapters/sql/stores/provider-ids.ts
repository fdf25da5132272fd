import type { Kysely } from 'kysely';
import type { Result } from '../../../ports/campaign-store.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { ignoreConflicts } from '../open/dialect.ts';
import { chunks } from '../tables/chunks.ts';
import type { Schema } from '../tables/table-types.ts';
import { LONGEST_ID, LONGEST_LINE } from '../tables/widths.ts';

/** The names of one acceptance: the ids that the provider gave it, and our reference where a report has proved it. */
export interface Acceptance {
  message: number;
  names: (string | null | undefined)[];
  /** What `messages` holds of it. */
  recordedAs: string;
  line: string | null | undefined;
}

/** What was accepted by these results; of a message that holds another id of the same acceptance, under that one. */
export function acceptancesOf(results: readonly Result[], held: ReadonlyMap<number, string>): Acceptance[] {
  return results.flatMap((result) => {
    if (result.kind === 'marked' || result.providerId === null) return [];
    const { message, providerId, whatsappId, line } = result;
    return [{ message, names: [providerId, whatsappId], recordedAs: held.get(message) ?? providerId, line }];
  });
}

/** Keeps the names of what was accepted, and the line it was accepted on, in the transaction that records it. A name that is there already stays with its message. */
export async function keepProviderIds(transaction: Kysely<Schema>, dialect: SqlDialect, acceptances: Acceptance[]): Promise<void> {
  const rows = new Map<string, { provider_id: string; message_id: number; recorded_as: string; line: string | null }>();
  for (const { message, names, recordedAs, line: given } of acceptances) {
    const line = given != null && given.length <= LONGEST_LINE ? given : null;
    for (const id of names) {
      if (id != null && id.length <= LONGEST_ID) rows.set(id, { provider_id: id, message_id: message, recorded_as: recordedAs, line });
    }
  }
  for (const some of chunks([...rows.values()])) {
    await ignoreConflicts(dialect, transaction.insertInto('wsend_provider_ids').values(some), 'message_id').execute();
  }
}

/** The line that a message was accepted on, as it is accepted now; null where that was not kept. */
export async function lineOf(db: Kysely<Schema>, message: number): Promise<string | null> {
  const row = await db
    .selectFrom('messages as m')
    .innerJoin('wsend_provider_ids as p', 'p.provider_id', 'm.whatsapp_message_id')
    .select('p.line')
    .where('m.id', '=', message)
    .executeTakeFirst();
  return row?.line ?? null;
}

/** The message that an id names; `current` when it names the acceptance that the message has now. */
export interface NamedMessage {
  message: number;
  current: boolean;
}

/** The messages behind these ids, as far as they are ours. Those that the table does not know are looked for in `messages` itself. */
export async function messagesNamed(db: Kysely<Schema>, ids: string[]): Promise<Map<string, NamedMessage>> {
  const found = new Map<string, NamedMessage>();
  if (ids.length === 0) return found;
  const known = await db
    .selectFrom('wsend_provider_ids as p')
    .innerJoin('messages as m', 'm.id', 'p.message_id')
    .select(['p.provider_id', 'p.recorded_as', 'm.id', 'm.whatsapp_message_id'])
    .where('p.provider_id', 'in', ids)
    .execute();
  for (const { provider_id, recorded_as, id, whatsapp_message_id } of known)
    found.set(provider_id, { message: Number(id), current: whatsapp_message_id === recorded_as });
  const others = ids.filter((id) => !found.has(id));
  if (others.length === 0) return found;
  const recorded = await db
    .selectFrom('messages')
    .select(['id', 'whatsapp_message_id'])
    .where('whatsapp_message_id', 'in', others)
    .execute();
  for (const { id, whatsapp_message_id } of recorded) found.set(whatsapp_message_id as string, { message: Number(id), current: true });
  return found;
}
