import { BEFORE_ALL, type Campaign } from '../core/campaign.ts';
import { setAsideNote } from '../core/note.ts';
import { toE164 } from '../core/phone.ts';
import { formatCount } from '../core/units.ts';
import { UsageError } from '../errors.ts';
import type { Report } from '../ports/event-sink.ts';
import type { OddText } from '../ports/renderer.ts';
import type { World } from '../world.ts';
import { type CampaignTexts, Refused, textsOf, type Verdict } from './template-sources.ts';

/** Rows judged and written at once. */
const PAGE = 500;
/** Texts that are kept, of which a dry run shows the first. */
const SAMPLE = 50;

/** What was found in the texts of a campaign's rows. */
export interface FoundTexts {
  refused: Refused;
  /** Rows that were set aside before and can be sent by now. */
  mended: number;
  /** Rows without a text, for which message_1 gives one. */
  unwritten: number;
  /** The first of these texts, by row. */
  sample: Map<number, string>;
  /** Rows whose text has marks of a template in it, and the first of them. */
  literal: number;
  firstLiteral: OddText | null;
  invalidNumbers: number;
}

/** Looks at the rows whose text cannot just be sent. Changes nothing. */
export async function lookAtTexts(
  world: World,
  campaign: Campaign,
  { texts, failed, numbers = false }: { texts: CampaignTexts; failed: boolean; numbers?: boolean },
): Promise<FoundTexts> {
  const found: FoundTexts = {
    ...{ refused: new Refused(), mended: 0, unwritten: 0, sample: new Map(), literal: 0, firstLiteral: null, invalidNumbers: 0 },
  };
  for await (const page of pages(world, campaign.id, { texts, failed, numbers })) {
    for (const { row, verdict } of page) {
      if (numbers && toE164(row.phone) === undefined) found.invalidNumbers += 1;
      if (verdict.kind === 'refused') {
        if (!row.setAside) found.refused.add(`message ${row.message}`, verdict.reason);
        continue;
      }
      if (row.setAside) found.mended += 1;
      if (verdict.kind === 'literal') {
        found.literal += 1;
        found.firstLiteral ??= row;
      }
      if (verdict.kind !== 'fill') continue;
      found.unwritten += 1;
      if (found.sample.size < SAMPLE) found.sample.set(row.message, verdict.text);
    }
  }
  return found;
}

/** How the texts of a run are made ready. */
export interface ReadyOptions {
  /** Nothing of the campaign was sent before: whatever cannot be sent is said now. Else it fails when its turn comes. */
  fresh: boolean;
  /** Of those who had failed, and not of the pending. */
  failed: boolean;
  skipInvalid: boolean;
  /** Asks whether marks of a template are meant as they are; rejects with UsageError where they are not, or no person can be asked. */
  confirm: (literal: number, first: OddText) => Promise<void>;
  report: Report;
}

/**
 * Makes the texts of a campaign's rows ready, under its lease and before any claim: rows without a text get theirs of message_1, each page in a
 * transaction of its own, so that killed anywhere the next run continues. Rejects with UsageError, before anything is written, where rows cannot be sent and are not to
 * be left out; those that are stay pending with a note.
 */
export async function readyTexts(world: World, campaign: Campaign, options: ReadyOptions): Promise<void> {
  const { fresh, failed, skipInvalid, confirm, report } = options;
  const texts = await textsOf(world, campaign);
  const found = await lookAtTexts(world, campaign, { texts, failed });
  if (fresh && found.refused.count > 0 && !skipInvalid) throw found.refused.error(campaign.id);
  if (fresh && found.firstLiteral !== null) await confirm(found.literal, found.firstLiteral);
  const leavesOut = fresh && skipInvalid;
  if (found.unwritten > 0 || found.mended > 0 || (leavesOut && found.refused.count > 0))
    await write(world, campaign.id, { texts, failed, leavesOut });
  const tell = (text: string) => report.tell({ type: 'notice', level: 'info', text });
  if (found.unwritten > 0) tell(`${formatCount(found.unwritten, 'text')} written from message_1: the database had none`);
  if (leavesOut && found.refused.count > 0)
    tell(`${formatCount(found.refused.count, 'recipient')} left out: they cannot be sent to as they are`);
}

async function write(
  world: World,
  campaign: number,
  { texts, failed, leavesOut }: { texts: CampaignTexts; failed: boolean; leavesOut: boolean },
): Promise<void> {
  const { recipients, texts: store } = await world.data();
  for await (const page of pages(world, campaign, { texts, failed, numbers: false })) {
    const unwritten = page.flatMap(({ row, verdict }) =>
      verdict.kind === 'fill' ? [{ message: row.message, content: verdict.text }] : [],
    );
    const [unfit] = unwritten.length === 0 ? [] : await store.fill(campaign, unwritten);
    if (unfit !== undefined) throw doesNotHold(unfit);
    const mended = page.flatMap(({ row, verdict }) => (row.setAside && verdict.kind !== 'refused' ? [row.message] : []));
    if (mended.length > 0) await store.takeBack(campaign, mended);
    if (!leavesOut) continue;
    const at = world.clock.now();
    const notes = page.flatMap(({ row: { message, attempts, setAside }, verdict }) =>
      verdict.kind === 'refused' && !setAside
        ? [{ kind: 'marked' as const, message, note: setAsideNote(verdict.reason), at, attempts }]
        : [],
    );
    await recipients.record(campaign, notes);
  }
}

function doesNotHold(message: number): UsageError {
  return new UsageError(
    `messages.content does not hold the text of message ${message}: it is too long, or has characters that its character set lacks`,
    'Nothing was sent. Shorten message_1, or make the column a text in UTF-8.',
  );
}

async function* pages(
  world: World,
  campaign: number,
  { texts, failed, numbers }: { texts: CampaignTexts; failed: boolean; numbers: boolean },
): AsyncGenerator<{ row: OddText; verdict: Verdict }[]> {
  const { texts: store } = await world.data();
  for (let after: number | null = BEFORE_ALL; after !== null; ) {
    const found: Awaited<ReturnType<typeof store.odd>> = await store.odd(campaign, { after, failed, needed: texts.needed, numbers });
    for (let begin = 0; begin < found.odd.length; begin += PAGE) {
      const page = [];
      for (const row of found.odd.slice(begin, begin + PAGE)) page.push({ row, verdict: await texts.judge(row) });
      yield page;
    }
    after = found.after;
  }
}

/** Whether marks of a template are meant as they are: a person is asked; without one, --yes says so. */
export async function confirmLiteral(
  { outside, sandbox, show }: World,
  { yes, json }: { yes?: boolean; json?: boolean },
  { literal, first, ask }: { literal: number; first: OddText; ask: boolean },
): Promise<void> {
  const one = literal === 1;
  const start = first.content.slice(0, 60).replace(/[\s\p{Cc}]+/gu, ' ');
  const seen = `${formatCount(literal, 'text')} of the database ${one ? 'has' : 'have'} marks of a template in ${one ? 'it' : 'them'}, and would go out just so: message ${first.message} begins "${start}"`;
  if (yes || sandbox || (!ask && outside.interactive && !json)) return show.aside(seen);
  if (outside.interactive && !json && /^\s*(y|yes)\s*$/i.test(await outside.ask(`${seen}. Send them as they are? [y/N] `))) return;
  throw new UsageError(
    seen,
    'Nothing was sent. Empty content to have it written from message_1, or send the texts as they are with --yes.',
  );
}
