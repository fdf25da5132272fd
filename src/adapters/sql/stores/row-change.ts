import { noteText, SENT_SOMETIME } from '../../../core/note.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { Result } from '../../../ports/campaign-store.ts';
import type { Fitting, Room } from '../open/room.ts';
import { TAKEN } from '../tables/message-rows.ts';
import { LONGEST_ERROR, LONGEST_ID } from '../tables/widths.ts';

/** The new state of one row of `messages`. A null id of the provider or time of sending leaves what is there. */
export interface RowChange {
  id: number;
  status: string;
  whatsapp_message_id: string | null;
  error_message: string | null;
  retry_count: number;
  sent_at: string | null;
}

/** How texts and times are made fit for the columns. */
export interface Fit {
  text: Fitting;
  time(at: EpochMs): string;
  /** The room in `error_message` and in `whatsapp_message_id`. */
  error: Room;
  id: Room;
}

/**
 * What a row of this status becomes when results are applied one after the other, or `undefined` when it stays as it is: only a pending
 * row changes, except that `sent` overrules `failed`, because an acceptance is a fact, and says since when where only the provider said that
 * it is sent. A row without status is none of the campaign's.
 */
export function changeAfter(row: {
  id: number;
  status: string | undefined;
  error: string | null;
  results: Result[];
  fit: Fit;
}): RowChange | undefined {
  let status = row.status;
  let change: RowChange | undefined;
  for (const result of row.results) {
    if (status === undefined) break;
    if (TAKEN.includes(status)) {
      const isUndated = change === undefined && row.error === noteText(SENT_SOMETIME);
      if (!isUndated || result.kind !== 'sent' || result.note !== undefined) continue;
      change = { ...columnsOf(result, row.fit), id: row.id, status, whatsapp_message_id: null, retry_count: result.attempts };
      continue;
    }
    if (status !== 'pending' && !(status === 'failed' && result.kind === 'sent')) continue;
    const next = { id: row.id, ...columnsOf(result, row.fit), retry_count: result.attempts };
    change = { ...next, whatsapp_message_id: next.whatsapp_message_id ?? change?.whatsapp_message_id ?? null };
    status = change.status;
  }
  return change;
}

function columnsOf(
  result: Result,
  { text, time, error, id }: Fit,
): Pick<RowChange, 'status' | 'whatsapp_message_id' | 'error_message' | 'sent_at'> {
  const providerId = (name: string | null) => (name === null ? null : text(name, id, LONGEST_ID));
  switch (result.kind) {
    case 'sent':
      return {
        status: 'sent',
        whatsapp_message_id: providerId(result.providerId),
        error_message: result.note === undefined ? null : text(noteText(result.note), error, LONGEST_ERROR),
        sent_at: time(result.at),
      };
    case 'failed': {
      const why = text(`${result.code}: ${result.reason}`, error, LONGEST_ERROR);
      return { status: 'failed', whatsapp_message_id: providerId(result.providerId), error_message: why, sent_at: null };
    }
    case 'marked':
      return {
        status: 'pending',
        whatsapp_message_id: null,
        error_message: text(noteText(result.note), error, LONGEST_ERROR),
        sent_at: null,
      };
  }
}
