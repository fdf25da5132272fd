import cliProgress from 'cli-progress';
import type { Event } from '../../core/event.ts';
import type { EpochMs } from '../../core/units.ts';
import type { Report } from '../../ports/event-sink.ts';
import type { Output } from '../../ports/output.ts';
import { barLine } from './bar-line.ts';
import { stamp } from './clock-time.ts';
import type { Paint } from './paint.ts';
import { isNews, type RunView, seen, UNSEEN } from './run-view.ts';
import { makeScreen, type Screen } from './screen.ts';
import { sandboxMark, sentence } from './words.ts';

/** At most ten frames a second, however fast events come. */
const FRAME_MS = 100;
/** Two frames a second when nothing happens: the countdown moves. */
const IDLE_FRAMES_PER_SECOND = 2;

/**
 * A live bar on a terminal, and above it a line for each thing a person should read. It appears with the first event after a plan (so
 * that a question may be asked in between) and goes with the summary. Call `close` on every way out: it gives the cursor back.
 */
export function makeBar(
  out: Output,
  { now, paint, sandbox, provider }: { now: () => EpochMs; paint: Paint; sandbox: boolean; provider: string },
): Report & { close(): void } {
  const mark = sandboxMark(sandbox);
  const screen = makeScreen(out);
  let view: RunView = UNSEEN;
  let bar: Line | null = null;
  let planned = false;
  let closed = false;
  const above: string[] = [];
  let drawnAt = Number.NEGATIVE_INFINITY;
  let soon: NodeJS.Timeout | null = null;

  const draw = () => {
    if (soon !== null) clearTimeout(soon);
    soon = null;
    drawnAt = performance.now();
    const lines = above.splice(0);
    if (bar === null) out.write(lines.map((line) => `${line}\n`).join(''));
    else {
      screen.above(lines);
      bar.render();
    }
  };
  const drawSoon = () => {
    const wait = drawnAt + FRAME_MS - performance.now();
    if (wait <= 0) draw();
    else soon ??= setTimeout(draw, wait).unref();
  };
  const show = () => {
    bar = new Line(screen, () => barLine(view, { columns: screen.getWidth(), now: now(), paint, sandbox, provider }));
    bar.start(view.progress.total, view.progress.total - view.progress.pending);
  };
  const hide = () => {
    planned = false;
    if (bar !== null || above.length > 0) draw();
    bar?.stop();
    bar = null;
    screen.flush('last');
  };

  return {
    tell(event) {
      if (closed) return;
      const at = now();
      const line = isShown(event, view, at) ? sentence(event, { now: at, paint, provider }) : null;
      view = seen(view, event, at);
      if (line !== null) above.push(`${paint.dim(stamp(at))}  ${mark}${line}`);
      if (event.type === 'plan') planned = true;
      else if (event.type === 'summary') return hide();
      else if (planned && bar === null && event.type !== 'notice' && event.type !== 'paused') show();
      bar?.update(view.progress.total - view.progress.pending);
      if (bar === null && above.length > 0) draw();
      else if (bar !== null) drawSoon();
    },
    close() {
      if (closed) return;
      hide();
      closed = true;
    },
  };
}

/** A rest counts down in the bar; only one that is not a batch's pause also leaves a line. */
function isShown(event: Event, view: RunView, now: EpochMs): boolean {
  return event.type !== 'rest' || (event.reason !== 'batch_pause' && isNews(view, event, now));
}

/** cli-progress' bar with our line in it and a timer that keeps no process alive. */
class Line extends cliProgress.SingleBar {
  constructor(screen: Screen, line: () => string) {
    const options = {
      format: line,
      terminal: screen,
      fps: IDLE_FRAMES_PER_SECOND,
      forceRedraw: true,
      synchronousUpdate: false,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: true,
    };
    super(options);
    this.on('redraw-post', () => screen.flush());
  }

  override render(): void {
    super.render();
    (this as unknown as { timer: NodeJS.Timeout | null }).timer?.unref();
  }
}
