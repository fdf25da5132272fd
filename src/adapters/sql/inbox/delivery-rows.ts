import type { MessageType } from '../../../core/campaign.ts';
import { afterDelivery, countersMoved, type DeliveryRow, isUndecided, settledByReport } from '../../../core/delivery.ts';
import { idsOf } from '../../../core/fact.ts';
import type { Delivery } from '../../../core/incoming.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { CountersMoved, FactResult } from '../../../ports/inbox.ts';
import type { SqlDialect } from '../open/dialect.ts';
import { locked } from '../open/dialect.ts';
import { linksOf, linkUnclaimed, namesOf } from '../stores/aliases.ts';
import { failWhereAllFailed, lockCampaign, moveCounters } from '../stores/counters.ts';
import { type Acceptance, keepProviderIds, messagesNamed } from '../stores/provider-ids.ts';
import { fromStored, toStored } from '../tables/stored-time.ts';
import { keptTimes } from '../tables/tables.ts';
import { LONGEST_ERROR, LONGEST_ID } from '../tables/widths.ts';
import { messagesReferred } from './referred.ts';
import type { Working } from './working.ts';

/** A row of `messages` with the reports about it, in the order they came. */
interface Reported {
  id: number;
  reports: Report[];
}

/** One report. `current` as in NamedMessage; `referred` where our reference told whose it is, and no id that we knew; `proves` where it is that of the next attempt. */
interface Report {
  delivery: Delivery;
  current: boolean;
  referred: boolean;
  proves: boolean;
  at: number;
}

/**
 * The effects of deliveries on their messages and campaigns, for both Message 1 and Message 2; returns what became of each, in order, and
 * how the campaigns' counters moved. What the provider calls their recipients is kept. One about a message that is not known is `unknown`;
 * but where nobody knows whether a message was taken, a report that carries our reference says that it was. The campaigns are locked first,
 * then the rows, both by id.
 */
export async function deliver(working: Working, deliveries: Delivery[]): Promise<{ results: FactResult[]; moved: CountersMoved[] }> {
  const { transaction, dialect } = working;
  const results = deliveries.map((): FactResult => 'unknown');
  const rows = await reportedRows(working, deliveries);
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
  const moved = new Map<string, CountersMoved>();
  for (const row of await lockedRows(working, ids)) {
    const id = Number(row.id);
    const { reports } = rows.get(id) as Reported;
    const before: DeliveryRow = {
      status: row.status,
      deliveredAt: fromStored(row.delivered_at),
      readAt: fromStored(row.read_at),
      error: row.error_message,
    };
    const proof = isUndecided(before) ? reports.find(({ proves }) => proves) : undefined;
    const taken = proof === undefined ? null : takenBy(proof);
    let after = taken === null ? before : settledByReport(before);
    for (const report of reports) {
      const next = afterDelivery(after, { ...report.delivery, current: report.current });
      results[report.at] = isSame(after, next) && report !== proof ? 'unchanged' : 'done';
      after = next;
    }
    const recordedAs = taken?.name ?? row.whatsapp_message_id;
    if (recordedAs !== null) await keepProviderIds(transaction, dialect, namesLearned(id, reports, recordedAs));
    if (taken === null && isSame(before, after)) continue;
    await writeRow(working, { id, row: after, taken });
    add(moved, row, { ...countersMoved(before.status, after.status), settled: taken === null ? [] : [id] });
  }
  for (const by of [...moved.values()].filter(({ type }) => type === 'message_1')) {
    await moveCounters(transaction, dialect, { by, now: working.now });
    if (by.failed > 0) await failWhereAllFailed(transaction, dialect, { campaign: by.campaign, now: working.now });
  }
  return { results, moved: [...moved.values()] };
}

/** Whom the reports are about: by an id that we know, or else by our reference, where it is what the row makes it. */
async function reportedRows({ transaction, dialect }: Working, deliveries: Delivery[]): Promise<Map<number, Reported>> {
  const byId = await messagesNamed(transaction, [...new Set(deliveries.flatMap(idsOf))]);
  const knownAs = (delivery: Delivery) => idsOf(delivery).flatMap((id) => byId.get(id) ?? [])[0];
  const references = new Set(deliveries.flatMap((one) => (knownAs(one) === undefined ? (one.reference ?? []) : [])));
  const byReference = await messagesNamed(transaction, [...references]);
  const unnamed = [...references].filter((reference) => !byReference.has(reference));
  const proved = await messagesReferred(transaction, dialect, unnamed);
  const rows = new Map<number, Reported>();
  for (const [at, delivery] of deliveries.entries()) {
    const known = knownAs(delivery);
    const reference = delivery.reference ?? '';
    const found = known ?? byReference.get(reference) ?? proved.get(reference);
    if (found === undefined) continue;
    const row = rows.get(found.message) ?? { id: found.message, reports: [] };
    const referred = known === undefined;
    row.reports.push({ delivery, current: found.current, referred, proves: referred && proved.has(reference), at });
    rows.set(row.id, row);
  }
  return rows;
}

/** Under which id, and when, the provider took a message that it reports on. */
interface Taken {
  name: string;
  at: EpochMs;
}

function takenBy({ delivery: { ids, at, acceptedAt = at } }: Report): Taken {
  return { name: (ids.providerId ?? ids.waId) as string, at: Math.min(at, acceptedAt) };
}

/** By what the next reports about it may name a message that our reference told. */
function namesLearned(message: number, reports: Report[], recordedAs: string): Acceptance[] {
  return reports
    .filter(({ referred, current }) => referred && current)
    .map(({ delivery }) => ({ message, names: [...idsOf(delivery), delivery.reference], recordedAs, line: delivery.device }));
}

/** The two times may be missing in tables that others made. */
async function lockedRows({ transaction, dialect, columns }: Working, ids: number[]) {
  const query = transaction
    .selectFrom('messages')
    .select(['id', 'campaign_id', 'message_type', 'status', 'error_message', 'whatsapp_message_id'])
    .$if(columns.deliveredAt, (some) => some.select('delivered_at'))
    .$if(columns.readAt, (some) => some.select('read_at'))
    .where('id', 'in', ids)
    .orderBy('id');
  return locked(dialect, query).execute();
}

interface Written {
  id: number;
  row: DeliveryRow;
  /** What nobody knew before; null where the row says it already. */
  taken: Taken | null;
}

async function writeRow({ transaction, dialect, columns, rooms, now, text }: Working, { id, row, taken }: Written): Promise<void> {
  await transaction
    .updateTable('messages')
    .set({
      ...keptTimes(dialect, 'created_at', 'sent_at'),
      ...(taken !== null && {
        whatsapp_message_id: text(taken.name, rooms('messages', 'whatsapp_message_id'), LONGEST_ID),
        sent_at: toStored(taken.at, dialect),
      }),
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

function add(
  moved: Map<string, CountersMoved>,
  { campaign_id, message_type }: { campaign_id: number; message_type: string },
  { sent, failed, settled }: { sent: number; failed: number; settled: number[] },
): void {
  // Of Message 2 nothing is counted in the campaign, and only what was open is told.
  const type: MessageType = message_type === 'message_2' ? 'message_2' : 'message_1';
  if (type === 'message_2' ? settled.length === 0 : sent === 0 && failed === 0) return;
  const campaign = Number(campaign_id);
  const sofar = moved.get(`${campaign} ${type}`) ?? { campaign, type, sent: 0, failed: 0, settled: [] };
  const all = [...sofar.settled, ...settled];
  moved.set(`${campaign} ${type}`, { ...sofar, sent: sofar.sent + sent, failed: sofar.failed + failed, settled: all });
}
