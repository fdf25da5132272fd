import type { EpochMs } from '../../core/units.ts';
import { clockTime, countdown } from './clock-time.ts';
import type { Paint } from './paint.ts';
import { type RunView, timeLeftOf } from './run-view.ts';
import { cells, count, cut, pad, seconds } from './terminal-text.ts';
import { restingWords } from './words.ts';

/** When, how wide and in which colours, and whether it is a rehearsal. */
interface Showing {
  columns: number;
  now: EpochMs;
  paint: Paint;
  sandbox: boolean;
  /** Its name. */
  provider: string;
}

/** The live bar at one moment, without a line end: always narrower than `columns`, because a full last column makes terminals wrap. */
export function barLine(view: RunView, { columns, sandbox, ...showing }: Showing): string {
  const { now, paint } = showing;
  const room = columns - 1;
  const pieces = { ...piecesOf(view, showing), sandbox: { forms: sandbox ? ['sandbox'] : [], paint: paint.strong } };
  const shorter = { ...NARROWING.start };
  for (const narrower of [null, ...NARROWING.steps]) {
    if (narrower !== null) shorter[narrower] += 1;
    const shown = ORDER.map((name) => ({ name, text: pieces[name].forms[shorter[name]] ?? '' })).filter(({ text }) => text !== '');
    const minimum = BAR_WIDTHS[shorter.bar] ?? 0;
    const used = SPINNER_WIDTH + shown.reduce((sum, { text }) => sum + cells(text) + GAP.length, minimum > 0 ? 0 : -GAP.length);
    if (used + minimum > room) continue;
    const bar = minimum > 0 ? [drawBar(view, Math.min(room - used, WIDEST_BAR), paint)] : [];
    const painted = shown.map(({ name, text }) => pieces[name].paint(text));
    // The bar follows what a rehearsal begins with.
    const first = shown[0]?.name === 'sandbox' ? 1 : 0;
    return `${paint.dim(spinner(now))} ${[...painted.slice(0, first), ...bar, ...painted.slice(first)].join(GAP)}`;
  }
  return cut(pieces.counts.forms[1] ?? '', room);
}

type Name = 'sandbox' | 'share' | 'counts' | 'failed' | 'inDoubt' | 'now' | 'batch' | 'left';

/** A part of the line, from its longest form to its shortest; past the last form it is left out. */
interface Piece {
  forms: string[];
  paint: (text: string) => string;
}

const ORDER: Name[] = ['sandbox', 'share', 'counts', 'failed', 'inDoubt', 'now', 'batch', 'left'];
const GAP = '  ';
const SPINNER_WIDTH = 2;
const WIDEST_BAR = 40;
/** The least the bar may have: at first, and each time it gives way. */
const BAR_WIDTHS = [14, 10, 5, 0];

/** What gives way first where the line is too long; what is happening now, that it is a rehearsal, and the counts last. */
const NARROWING: { start: Record<Name | 'bar', number>; steps: (Name | 'bar')[] } = {
  start: { sandbox: 0, share: 0, counts: 0, failed: 0, inDoubt: 0, now: 0, batch: 0, left: 0, bar: 0 },
  steps: [
    ...(['batch', 'counts', 'bar', 'left', 'bar', 'batch', 'left', 'now', 'inDoubt', 'failed', 'now', 'left'] as const),
    ...(['bar', 'left', 'inDoubt', 'failed', 'share', 'now', 'sandbox'] as const),
  ],
};

type Shown = Pick<Showing, 'now' | 'paint' | 'provider'>;

function piecesOf(view: RunView, { now, paint, provider }: Shown): Record<Exclude<Name, 'sandbox'>, Piece> {
  const { total, sent, failed, inDoubt } = view.progress;
  const plain = (text: string) => text;
  const sum = `${pad(count(sent), count(total).length, 'left')}/${count(total)}`;
  return {
    share: { forms: [`${String(Math.floor(shareOf(view) * 100)).padStart(2)} %`], paint: paint.strong },
    counts: { forms: [`${sum} sent`, sum], paint: plain },
    failed: { forms: failed > 0 ? [`${count(failed)} failed`, `${count(failed)} f.`] : [], paint: paint.bad },
    inDoubt: { forms: inDoubt > 0 ? [`${count(inDoubt)} in doubt`, `${count(inDoubt)} ?`] : [], paint: paint.warn },
    now: nowPiece(view, { now, paint, provider }),
    batch: {
      forms: view.batch > 0 ? [`batch ${count(view.batch)} of ${count(view.batches)}`, `batch ${view.batch}/${view.batches}`] : [],
      paint: paint.dim,
    },
    left: { forms: leftForms(view, now), paint: plain },
  };
}

function leftForms(view: RunView, now: EpochMs): string[] {
  if (view.progress.pending === 0) return ['finishing'];
  if (!endIsKnown(view)) return [];
  const left = timeLeftOf(view, now);
  const [clock, end] = [countdown(left), clockTime(now + left, now)];
  return [`${clock} left, ends ${end}`, `${clock} left (${end})`, `${clock} left`, clock];
}

/** The delay while it sends; what it waits for while it rests. */
function nowPiece({ rest, delayMs, normalDelayMs }: RunView, { now, paint, provider }: Shown): Piece {
  const plain = (text: string) => text;
  if (rest === null) return { forms: [pad(`every ${seconds(delayMs)}`, 10)], paint: delayMs > normalDelayMs ? paint.warn : plain };
  const clock = countdown(rest.until - now);
  return {
    forms: restingWords(rest.reason, provider).map((words) => `${words} ${clock}`),
    paint: rest.reason === 'batch_pause' ? plain : paint.warn,
  };
}

/** While something is out of reach the end of the run is unknown. */
function endIsKnown({ rest, endsAt }: RunView): boolean {
  return endsAt > 0 && (rest === null || rest.reason === 'batch_pause' || rest.reason === 'throttled');
}

function shareOf({ progress: { total, pending } }: RunView): number {
  return total > 0 ? Math.min(1, Math.max(0, (total - pending) / total)) : 1;
}

function drawBar(view: RunView, width: number, paint: Paint): string {
  const done = Math.floor(shareOf(view) * width);
  return paint.good('█'.repeat(done)) + paint.dim('░'.repeat(width - done));
}

/** Turns twice a second, so that a bar that waits never looks like one that hangs. */
function spinner(now: EpochMs): string {
  return SPINNER[Math.abs(Math.floor(now / 500)) % SPINNER.length] ?? '';
}

const SPINNER = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
