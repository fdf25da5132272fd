import { afterDelivery, countersMoved, type DeliveryRow } from '../../core/delivery.ts';
import { idsOf } from '../../core/fact.ts';
import type { Delivery } from '../../core/incoming.ts';
import type { CountersMoved, FactResult } from '../../ports.ts';
import { linksOf, linkUnclaimed, namesOf } from './aliases.ts';
import { failWhereAllFailed, lockCampaign, moveCounters } from './counters.ts';
import type { SqlDialect } from './database.ts';
import { locked } from './dialect.ts';
import { keptTimes } from './kept-times.ts';
import { messagesNamed, type NamedMessage } from './provider-ids.ts';
import { fromStored, toStored } from './stored-time.ts';
import { LONGEST_ERROR } from './widths.ts';
import type { Working } from './work-off.ts';

/** A row of `messages` with the reports about it, in the order they came. */
interface Reported {
  id: number;
  reports: { delivery: Delivery; current: boolean; at: number }[];
}

/**
 * The effects of deliveries on their messages and campaigns, for both Message 1 and Message 2; returns what became of each, in order, and
 * how the campaigns' counters moved. What the provider calls their recipients is kept. One about a message that is not known is `unknown`. The campaigns are locked first, then the rows, both by id.
 */
export async function deliver(working: Working, deliveries: Delivery[]): Promise<{ results: FactResult[]; moved: CountersMoved[] }> {
  const { transaction, dialect } = working;
  const named = await messagesNamed(transaction, [...new Set(deliveries.flatMap(idsOf))]);
  const results = deliveries.map((): FactResult => 'unknown');
  const rows = new Map<number, Reported>();
  for (const [at, delivery] of deliveries.entries()) {
    const found = nameOf(delivery, named);
    if (found === undefined) continue;
    const row = rows.get(found.message) ?? { id: found.message, reports: [] };
    row.reports.push({ delivery, current: found.current, at });
    rows.set(row.id, row);
  }
  if (rows.size === 0) return { results, moved: [] };
  const ids = [...rows.keys()];
  const recipients = await transaction
    .selectFrom('messages as m')
    .leftJoin('contacts as c', 'c.id', 'm.contact_id')
    .select(['m.id', 'm.campaign_id', 'm.contact_id', 'c.full_number'])
    .where('m.id', 'in', ids)
    .execute();
  const campaigns = new Set(recipients.map(({ campaign_id }) => Number(campaign_id)));
  for (const campaign of [...campaigns].sort((a, b) => a - b)) await lockCampaign(transaction, dialect, campaign);
  await linkUnclaimed(
    working,
    recipients.flatMap(({ id, contact_id, full_number }) => {
      const names = (rows.get(Number(id)) as Reported).reports.flatMap(({ delivery }) => namesOf(delivery));
      return names.length === 0 || full_number === null ? [] : linksOf(Number(contact_id), full_number, [...new Set(names)]);
    }),
  );
  const moved = new Map<number, CountersMoved>();
  for (const row of await lockedRows(working, ids)) {
    const { reports } = rows.get(Number(row.id)) as Reported;
    const before: DeliveryRow = {
      status: row.status,
      deliveredAt: fromStored(row.delivered_at),
      readAt: fromStored(row.read_at),
      error: row.error_message,
    };
    let after = before;
    for (const { delivery, current, at } of reports) {
      const next = afterDelivery(after, { ...delivery, current });
      results[at] = isSame(after, next) ? 'unchanged' : 'done';
      after = next;
    }
    if (isSame(before, after)) continue;
    await writeRow(working, Number(row.id), after);
    if (row.message_type === 'message_1') add(moved, Number(row.campaign_id), countersMoved(before.status, after.status));
  }
  for (const by of moved.values()) {
    await moveCounters(transaction, dialect, { by, now: working.now });
    if (by.failed > 0) await failWhereAllFailed(transaction, dialect, { campaign: by.campaign, now: working.now });
  }
  return { results, moved: [...moved.values()] };
}

function nameOf(delivery: Delivery, named: Map<string, NamedMessage>): NamedMessage | undefined {
  return idsOf(delivery)
    .map((id) => named.get(id))
    .find((found) => found !== undefined);
}

/** The two times may be missing in tables that others made. */
async function lockedRows({ transaction, dialect, columns }: Working, ids: number[]) {
  const query = transaction
    .selectFrom('messages')
    .select(['id', 'campaign_id', 'message_type', 'status', 'error_message'])
    .$if(columns.deliveredAt, (some) => some.select('delivered_at'))
    .$if(columns.readAt, (some) => some.select('read_at'))
    .where('id', 'in', ids)
    .orderBy('id');
  return locked(dialect, query).execute();
}

async function writeRow({ transaction, dialect, columns, rooms, now, text }: Working, id: number, row: DeliveryRow): Promise<void> {
  await transaction
    .updateTable('messages')
    .set({
      ...keptTimes(dialect, 'created_at', 'sent_at'),
      status: row.status,
      error_message: row.error === null ? null : text(row.error, rooms('messages', 'error_message'), LONGEST_ERROR),
      ...(columns.deliveredAt && { delivered_at: stored(row.deliveredAt, dialect) }),
      ...(columns.readAt && { read_at: stored(row.readAt, dialect) }),
      updated_at: now,
    })
    .where('id', '=', id)
    .execute();
}

function stored(at: number | null, dialect: SqlDialect): string | null {
  return at === null ? null : toStored(at, dialect);
}

function isSame(a: DeliveryRow, b: DeliveryRow): boolean {
  return a === b || (a.status === b.status && a.deliveredAt === b.deliveredAt && a.readAt === b.readAt);
}

function add(moved: Map<number, CountersMoved>, campaign: number, by: { sent: number; failed: number }): void {
  if (by.sent === 0 && by.failed === 0) return;
  const sofar = moved.get(campaign) ?? { sent: 0, failed: 0 };
  moved.set(campaign, { campaign, sent: sofar.sent + by.sent, failed: sofar.failed + by.failed });
}
