import { jsonLine, oneLine, plainLines } from '../adapters/terminal/terminal-text.ts';
import type { CampaignState } from '../core/campaign-state.ts';
import type { Pace } from '../core/pacing.ts';
import type { EpochMs, Milliseconds } from '../core/units.ts';
import { type Flags, wantsColor } from '../flags.ts';
import type { Outside } from '../outside.ts';

/** How a command shows its result, as text or with --json. */
export interface Show {
  estimate(estimate: { count: number; duplicates?: number; pace: Pace; etaMs: Milliseconds; endsAt: EpochMs }): Promise<void>;
  state(state: CampaignState): Promise<void>;
  states(states: CampaignState[]): Promise<void>;
  /** One result: the object with --json, else the text. */
  result(json: Record<string, unknown>, text: string): void;
  /** A part of a table or of a list: as `result`, and never marked. */
  row(json: Record<string, unknown>, text: string): void;
  /** Resolves once the reader of the result has taken what was written; between pages, so that what they do not read yet is not kept. */
  drained(): Promise<unknown>;
  /** A word beside the result, on stderr; not with --quiet. */
  aside(text: string): void;
  /** How far it is, on the last line of a terminal, in place of what was there; null takes it away. Nothing where there is no terminal. */
  progress(text: string | null): void;
  /** What went wrong with one of several campaigns, on stderr; the others go on. */
  problem(campaign: number, error: unknown): Promise<void>;
}

/**
 * Results go to stdout, all else to stderr. What files, databases and the provider say is in them, so nothing reaches a terminal that could
 * drive it; into a pipe or a file, a result goes as it is.
 */
export function makeShow(flags: Flags, outside: Outside, { now, providerName }: { now: () => EpochMs; providerName: () => string }): Show {
  const { stdout, stderr } = outside;
  const { sandbox = false } = flags;
  /** Every word of a rehearsal says that it is one. */
  const mark = sandbox ? 'sandbox · ' : '';
  const row = (json: Record<string, unknown>, text: string) =>
    stdout.write(flags.json ? jsonLine(sandbox ? { ...json, sandbox } : json, stdout.isTTY) : stdout.isTTY ? plainLines(text) : text);
  return {
    row,
    result: (json, text) => row(json, text === '' ? '' : `${mark}${text}`),
    async estimate(estimate) {
      const { estimateJson, estimateText } = await import('../adapters/terminal/estimate-text.ts');
      row(estimateJson(estimate), estimateText(estimate, now()));
    },
    async state(state) {
      const { statusJson, statusText } = await import('../adapters/terminal/status-table.ts');
      row(statusJson(state), statusText(state, now(), providerName()));
    },
    async states(states) {
      const { statusListJson, statusTable } = await import('../adapters/terminal/status-table.ts');
      const columns = stdout.isTTY ? stdout.columns() : undefined;
      row(statusListJson(states, { sandbox }), statusTable(states, now(), { columns, sandbox }));
    },
    drained: () => stdout.settled(),
    aside: (text) => {
      if (!flags.quiet) stderr.write(plainLines(`${mark}${text}\n`));
    },
    progress: (text) => {
      if (stderr.isTTY && !flags.quiet && (text === null || stderr.idle()))
        stderr.write(`\r\x1b[K${oneLine(text ?? '').slice(0, stderr.columns() - 1)}`);
    },
    async problem(campaign, error) {
      const { errorJson, errorText } = await import('../adapters/terminal/error-text.ts');
      const text = () =>
        `Could not resume campaign ${campaign}:\n${errorText(error, { color: stderr.isTTY && wantsColor(flags, outside) })}`;
      stderr.write(flags.json ? `${JSON.stringify({ ...errorJson(error), campaign })}\n` : text());
    },
  };
}
