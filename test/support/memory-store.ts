import { type Campaign, type CampaignStatus, cancelledStatus, REPLY_WINDOW, type Recipient } from '../../src/core/campaign.ts';
import type { Settled } from '../../src/core/checkpoint.ts';
import { LOOK_UP_FIRST, marksOf, noteText, readNote, SENT_SOMETIME, UNCONFIRMED } from '../../src/core/note.ts';
import { DUPLICATE } from '../../src/core/person.ts';
import type { AcceptedRow, CampaignStore, PlacedRow, RecipientStore, Result, Tally } from '../../src/ports/campaign-store.ts';

/** A row of `messages`. */
export interface Row {
  message: number;
  phone: string;
  content: string;
  status: 'pending' | 'sent' | 'failed';
  attempts: number;
  error: string | null;
  providerId: string | null;
  sentAt: number | null;
}

/** A campaign database in memory. It outlives the runs that use it. */
export class MemoryStore implements CampaignStore, RecipientStore {
  readonly campaign: Campaign;
  readonly rows: Row[];
  /** What was accepted before this campaign. */
  earlier: AcceptedRow[] = [];
  /** Called before each operation; may throw, or never resolve. */
  before: (operation: string) => Promise<void> = async () => undefined;

  constructor(count: number, campaign: Partial<Campaign> = {}) {
    this.campaign = {
      id: 42,
      name: 'test',
      message1: 'Hello',
      message2: null,
      status: 'draft',
      createdAt: Date.UTC(2026, 0, 1),
      updatedAt: null,
      cancelledAt: null,
      ...campaign,
    };
    this.rows = Array.from({ length: count }, (_, i) => ({
      message: i + 1,
      phone: `+2290190${String(i + 1).padStart(6, '0')}`,
      content: `Hello ${i + 1}`,
      status: 'pending',
      attempts: 0,
      error: null,
      providerId: null,
      sentAt: null,
    }));
  }

  async find(): Promise<Campaign> {
    await this.before('find');
    return { ...this.campaign };
  }

  async list(): Promise<(Campaign & { tally: Tally })[]> {
    return [{ ...this.campaign, tally: await this.tally() }];
  }

  async tally(): Promise<Tally> {
    await this.before('tally');
    const count = (status: Row['status']) => this.rows.filter((row) => row.status === status).length;
    const skipped = this.rows.filter((row) => row.status === 'pending' && marksOf(row.error).skipped).length;
    const duplicates = this.rows.filter((row) => row.status === 'failed' && row.error?.startsWith(DUPLICATE)).length;
    const tally = { total: this.rows.length, pending: count('pending') - skipped, sent: count('sent'), failed: count('failed') };
    return duplicates > 0 ? { ...tally, duplicates } : tally;
  }

  async setStatus(_id: number, status: CampaignStatus): Promise<void> {
    await this.before('setStatus');
    this.campaign.status = status;
  }

  async complete(_id: number, status: CampaignStatus): Promise<boolean> {
    await this.before('complete');
    if (this.campaign.status !== 'sending' || (await this.tally()).pending > 0) return false;
    this.campaign.status = status;
    return true;
  }

  async cancel(): Promise<void> {
    Object.assign(this.campaign, { cancelledAt: 1, status: cancelledStatus(await this.tally()) });
  }

  async awaitsReplies(_campaign: number, now: number): Promise<boolean> {
    return this.rows.some((row) => row.sentAt !== null && now < row.sentAt + REPLY_WINDOW);
  }

  async failures(): Promise<{ error: string; count: number }[]> {
    const counts = new Map<string, number>();
    for (const row of this.rows) if (row.status === 'failed' && row.error !== null) counts.set(row.error, (counts.get(row.error) ?? 0) + 1);
    return [...counts].map(([error, count]) => ({ error, count }));
  }

  async pending(_campaign: number, after: number, limit: number): Promise<Recipient[]> {
    await this.before('pending');
    return this.rows
      .filter((row) => row.status === 'pending' && row.message > after)
      .slice(0, limit)
      .map(toRecipient);
  }

  async stillPending(_campaign: number, messages: number[]): Promise<Recipient[]> {
    await this.before('stillPending');
    const wanted = new Set(messages);
    return this.rows.filter((row) => row.status === 'pending' && wanted.has(row.message)).map(toRecipient);
  }

  async settled(_campaign: number, messages: number[]): Promise<Settled[]> {
    await this.before('settled');
    const rows = this.rows.filter((row) => row.status !== 'pending' && messages.includes(row.message));
    return rows.map(({ message, status, error, providerId, sentAt, attempts }) => {
      const done = { message, at: sentAt ?? 0, attempts, providerId };
      const [code = '', ...reason] = (error ?? '').split(': ');
      const note = readNote(error)?.note;
      if (status === 'failed') return { kind: 'failed', ...done, code, reason: reason.join(': ') };
      return { kind: 'sent', ...done, ...(note !== undefined && { note }) };
    });
  }

  async peopleIn(_campaign: number, status: string, after: number, { limit }: { limit: number }): Promise<PlacedRow[]> {
    await this.before('peopleIn');
    return this.rows
      .filter((row) => row.status === status && row.message > after)
      .slice(0, limit)
      .map(({ message, phone, status, error }) => ({ message, phone, status, ...marksOf(error) }));
  }

  async latestAccepted(): Promise<AcceptedRow[]> {
    await this.before('latestAccepted');
    const all = this.rows.filter(({ status, providerId }) => status === 'sent' && providerId !== null);
    const dated = all.filter(({ error }) => error === null);
    const undated = all.filter(({ error }) => error === noteText(SENT_SOMETIME)).map((row) => ({ ...row, sentAt: 0 }));
    const taken = dated.length > 0 ? dated : undated;
    if (taken.length === 0) return this.earlier;
    return taken
      .sort((a, b) => (b.sentAt ?? 0) - (a.sentAt ?? 0))
      .slice(0, 3)
      .map(({ message, phone, content, sentAt }) => ({
        ...{ campaign: this.campaign.id, campaignCreatedAt: this.campaign.createdAt },
        ...{ message, phone, content, at: sentAt ?? 0 },
      }));
  }

  async has(_campaign: number, message: number | null): Promise<boolean> {
    await this.before('has');
    return message === null ? this.rows.length > 0 : this.rows.some((row) => row.message === message);
  }

  async record(_campaign: number, results: Result[]): Promise<void> {
    await this.before('record');
    for (const result of results) {
      const row = this.rows.find((other) => other.message === result.message);
      if (row?.error === noteText(SENT_SOMETIME) && result.kind === 'sent' && result.note === undefined)
        Object.assign(row, { sentAt: result.at, error: null });
      if (row === undefined || !(row.status === 'pending' || (row.status === 'failed' && result.kind === 'sent'))) continue;
      if (row.status === 'failed' && row.providerId !== null && result.kind === 'sent' && row.providerId === result.providerId) continue;
      row.attempts = result.attempts;
      if (result.kind === 'marked') row.error = noteText(result.note);
      else if (result.kind === 'sent')
        Object.assign(row, {
          ...{ status: 'sent', providerId: result.providerId, sentAt: result.at },
          error: result.note === undefined ? null : noteText(result.note),
        });
      else Object.assign(row, { status: 'failed', error: `${result.code}: ${result.reason}`, providerId: result.providerId });
    }
  }

  /** What a listener makes of a report that carries the reference of a row, or names what it was accepted as. */
  report(message: number, { providerId, at, failed }: { providerId: string; at: number; failed: boolean }): void {
    const row = this.rows.find((other) => other.message === message) as Row;
    if (row.status === 'pending' || row.error?.startsWith(UNCONFIRMED))
      Object.assign(row, { status: 'sent', providerId, sentAt: at, error: noteText(SENT_SOMETIME) });
    if (failed && row.status === 'sent') Object.assign(row, { status: 'failed', error: 'number:notfound: accepted, then failed' });
  }

  async prepare(): Promise<{ made: number; unverified: number; duplicates: number }> {
    return { made: 0, unverified: 0, duplicates: 0 };
  }

  async preparable(): Promise<{ count: number; duplicates: number }> {
    return { count: 0, duplicates: 0 };
  }

  async retryFailed(_campaign?: number, except: ReadonlySet<number> = new Set()): Promise<number[]> {
    const failed = this.rows.filter((row) => row.status === 'failed' && !except.has(row.message));
    for (const row of failed)
      Object.assign(row, { status: 'pending', attempts: 0, error: row.error?.startsWith(UNCONFIRMED) ? noteText(LOOK_UP_FIRST) : null });
    if (failed.length > 0) this.campaign.status = 'sending';
    return failed.map(({ message }) => message);
  }
}

function toRecipient(row: Row): Recipient {
  return {
    message: row.message,
    phone: row.phone,
    content: row.content,
    attempts: row.attempts,
    ...marksOf(row.error),
    acceptedBefore: row.providerId,
  };
}
