import type { Campaign } from '../core/campaign.ts';
import { personKey } from '../core/person.ts';
import { toE164 } from '../core/phone.ts';
import type { Progress } from '../core/progress.ts';
import { DAY, formatCount } from '../core/units.ts';
import { UsageError } from '../errors.ts';
import type { RenderText, SeenRow } from '../ports/campaign-store.ts';
import type { Recent, RecentRows } from '../ports/recent-texts.ts';
import type { World } from '../world.ts';
import { announceIfSlow } from './announce-if-slow.ts';
import type { Recovered } from './recover.ts';

/** Of a campaign, who had its very text lately from another one, and what becomes of them. */
export interface SameText {
  /** How many had it, or may have had it; who was left out for it before is among them. */
  count: number;
  /** Those who are pending still (or failed, where these are sent to), and would get it again. */
  rows: RecentRows;
  /** How many these are. */
  now: number;
  /** They are left out; else sent to again. */
  leaveOut: boolean;
  /** Nobody has said what becomes of them: it is asked. */
  undecided: boolean;
  days: number;
}

/** What decides about them. */
export interface SameTextChoice {
  /** `--skip-recent`: left out, now and whenever this campaign is gone on with. */
  skipRecent?: boolean | undefined;
  /** What the checkpoint holds of the campaign itself: recipients that are claimed, in doubt or waiting there are its own affair. */
  found: Pick<Recovered, 'claims' | 'doubts' | 'retries'>;
  /** Who is there twice: those rows are not sent to anyway. */
  twice: ReadonlySet<number>;
}

/** Looks on while others go through a campaign's rows, or write the texts of its contacts, and tells afterwards who had that text lately. */
export interface SameTextWatch {
  /** Is shown each row that is to be sent to; undefined where no person had any text lately, so that the texts need not be read. */
  see: ((row: SeenRow) => void) | undefined;
  /** Writes what `write` writes. */
  seeing(write: RenderText): RenderText;
  result(choice: SameTextChoice): Promise<SameText>;
}

/**
 * Looks who had whatever text lately; not (`look` is false) where the campaign was just made of a file, with those left out. Null in a rehearsal, and
 * where WSEND_SAME_TEXT_DAYS is 0. Changes nothing.
 */
export async function watchSameText(world: World, { id }: Campaign, { look = true } = {}): Promise<SameTextWatch | null> {
  const days = daysOf(world);
  if (days === 0) return null;
  const { recentTexts } = await world.data();
  const recent = look ? await announceIfSlow(world, 'Looking who had which text lately', recentOf(world, id)) : null;
  const rows: number[] = [];
  const contacts: { phone: string; message1: string }[] = [];
  const mayHaveHad = (stored: string, text: string) => {
    const phone = toE164(stored);
    return phone !== undefined && recent !== null && recent.index.find(personKey(phone), text) !== null;
  };
  const see = ({ message, phone, content }: SeenRow) => {
    if (mayHaveHad(phone, content)) rows.push(message);
  };
  return {
    see: recent === null ? undefined : see,
    seeing: (write) => (fields, contact) => {
      const message1 = write(fields, contact);
      const phone = fields.full_number ?? '';
      if (message1 !== null && mayHaveHad(phone, message1)) contacts.push({ phone, message1 });
      return message1;
    },
    async result({ skipRecent, found, twice }) {
      const rule = skipRecent ? 'leave_out' : await recentTexts.rule(id);
      const own = new Set([...found.claims, ...found.doubts, ...found.retries].map(({ message }) => message));
      const those = rows.filter((message) => !own.has(message) && !twice.has(message));
      const had: RecentRows = recent === null ? new Map() : await recentTexts.among(recent, id, those);
      const now = sum([...had.values()].map(({ length }) => length)) + (recent === null ? 0 : await recentTexts.count(recent, contacts));
      const count = now + (await recentTexts.leftOut(id));
      return { count, rows: had, now, leaveOut: rule === 'leave_out', undecided: rule === null, days };
    },
  };
}

function sum(counts: number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** All people who had any text lately, except from one campaign; null where there are none, in a rehearsal, and where it is not looked at. */
export async function recentOf(world: World, except: number | null): Promise<Recent | null> {
  const days = daysOf(world);
  if (days === 0) return null;
  const { recentTexts } = await world.data();
  const open = new Set<number>();
  for (const id of await recentTexts.open()) {
    if (id === except) continue;
    const { claims, doubts, outcomes } = (await world.view(id)).beyond;
    for (const { message } of [...claims, ...doubts]) open.add(message);
    for (const { kind, message } of outcomes) if (kind === 'sent') open.add(message);
  }
  return recentTexts.read(world.clock.now() - days * DAY, open, except);
}

/** `5 people had this text in the last 7 days`. */
export function sameTextWords({ count, days }: Pick<SameText, 'count' | 'days'>): string {
  return `${formatCount(count, 'person', 'people')} had this very text in the last ${days === 1 ? 'day' : `${days} days`}`;
}

/** The same as a sentence to follow another, with what becomes of them; nothing where there is no one. */
export function leftOutWords(sameText: Pick<SameText, 'count' | 'days'>): string {
  return sameText.count === 0 ? '' : ` ${sameTextWords(sameText)}, and left out.`;
}

/** For how many days a text is not sent to the same person again; 0 in a rehearsal, which does not count and leaves no one out for it. */
export function daysOf(world: World): number {
  return world.sandbox ? 0 : world.config(world.purpose).sameTextDays;
}

/** How many are left out by this run. */
export function leavingNow(sameText: SameText | null): number {
  return sameText?.leaveOut ? sameText.now : 0;
}

/** Where everybody stands once these are left out. */
export function leavingOut(progress: Progress, sameText: SameText | null): Progress {
  const leaving = Math.min(leavingNow(sameText), progress.pending);
  return leaving === 0 ? progress : { ...progress, pending: progress.pending - leaving, skipped: progress.skipped + leaving };
}

/** People get the same text again, and no one has decided that they do. */
export function getsItAgain(sameText: SameText | null): sameText is SameText {
  return sameText?.undecided === true && sameText.now > 0;
}

/** The warning where no person can be asked. */
export function againWarning(sameText: SameText): string {
  return `${sameTextWords(sameText)} and ${sameText.count === 1 ? 'gets' : 'get'} it again; --skip-recent leaves them out`;
}

/** UsageError where a campaign that was not begun would leave everybody out. */
export function refuseNobody(id: number, sameText: SameText): void {
  if (leavingNow(sameText) === 0) return;
  throw new UsageError(
    `nobody is left to send campaign ${id} to: ${sameTextWords(sameText)}`,
    'Nothing was sent. Without --skip-recent, or from a file with --again, they get it again.',
  );
}
