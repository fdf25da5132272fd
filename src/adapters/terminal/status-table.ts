import { type CampaignState, displayState } from '../../core/campaign-state.ts';
import { type EpochMs, formatDuration, toSeconds } from '../../core/units.ts';
import { clockTime, dayOf, iso } from './clock-time.ts';
import { countsJson, inSandbox } from './ndjson.ts';
import { repliesJson, replyRows } from './reply-lines.ts';
import { countRows, failureRows, row } from './summary.ts';
import { cells, count, cut, oneLine, pad } from './terminal-text.ts';
import { pauseWords, sandboxMark } from './words.ts';

/** All campaigns of one world. Left out: the terminal is as wide as it needs to be, and what the campaigns say of the sandbox counts. */
interface Listing {
  columns?: number | undefined;
  sandbox?: boolean | undefined;
}

/** All campaigns as a table, one line each; where it is wider than the terminal, all but the counts gives way. Ends with a line end. */
export function statusTable(states: CampaignState[], now: EpochMs, listing: Listing = {}): string {
  const { columns = Number.POSITIVE_INFINITY, sandbox = areRehearsals(states) } = listing;
  if (states.length === 0) return nothingYet(sandbox);
  const table = SHAPES.map((shape) => tableOf(states, now, { columns, ...shape })).find(({ fits }, i) => fits || i === SHAPES.length - 1);
  const heading = sandbox ? `${sandboxMark(sandbox)}nobody gets anything\n` : '';
  return heading + (table?.text ?? '');
}

/** What a table shows: ever less of what is not a count. Its name keeps so many cells at least. */
interface Shape {
  states: 'whole' | 'short';
  updated: 'time' | 'day' | 'never';
  name: number;
}

/** What gives way where the terminal is too narrow; the last one is shown however wide it is. */
const SHAPES: Shape[] = [
  { states: 'whole', updated: 'time', name: 14 },
  { states: 'short', updated: 'time', name: 14 },
  { states: 'short', updated: 'day', name: 8 },
  { states: 'short', updated: 'never', name: 8 },
];

function tableOf(states: CampaignState[], now: EpochMs, shape: Shape & { columns: number }): { text: string; fits: boolean } {
  const hidden = [states.some(({ progress }) => progress.skipped > 0) ? '' : 'skipped', shape.updated === 'never' ? 'updated' : ''];
  const head = HEAD.filter((name) => !hidden.includes(name));
  const rows = states.map((state) => head.map((name) => cellOf(name, state, { now, ...shape })));
  const widths = head.map((head, i) => Math.max(...[head, ...rows.map((cols) => cols[i] ?? '')].map(cells)));
  const tooWide = widths.reduce((sum, width) => sum + width + 2, -2) - shape.columns;
  const name = widths[NAME] ?? 0;
  if (tooWide > 0) widths[NAME] = Math.max(Math.min(name, shape.name), name - tooWide);
  const line = (cols: string[]) =>
    cols
      .map((text, i) => pad(i === NAME ? cut(text, widths[i] ?? 0) : text, widths[i] ?? 0, NUMBERS.has(head[i] ?? '') ? 'left' : 'right'))
      .join('  ');
  const text = [head, ...rows].map((cols) => `${line(cols).trimEnd()}\n`).join('');
  return { text, fits: tooWide <= name - (widths[NAME] ?? 0) };
}

function cellOf(name: string, state: CampaignState, { now, states, updated }: Shape & { now: EpochMs }): string {
  const { campaign, progress, updatedAt } = state;
  switch (name) {
    case 'id':
      return String(campaign.id);
    case 'name':
      return cut(oneLine(campaign.name), NAME_WIDTH);
    case 'state':
      return states === 'whole' ? stateText(state) : shortState(state);
    case 'updated':
      return updatedAt === null ? '' : (updated === 'day' ? dayOf : clockTime)(updatedAt, now);
    case 'in doubt':
      return count(progress.inDoubt);
    default:
      return count(progress[name as 'total' | 'sent' | 'failed' | 'pending' | 'skipped']);
  }
}

const SHORT_STATE_WIDTH = 11;

/** A state in fewer letters. */
function shortState(state: CampaignState): string {
  return displayState(state) === 'replies' ? 'replies' : cut(stateText(state), SHORT_STATE_WIDTH);
}

/** One campaign in detail. Ends with a line end. */
export function statusText(state: CampaignState, now: EpochMs, provider: string): string {
  const { campaign, progress, paused, owner, sandbox, replies, failures, etaMs, endsAt, updatedAt, lastMessage, next } = state;
  const lines = [
    `${sandboxMark(sandbox)}Campaign ${campaign.id}${campaign.name.trim() === '' ? '' : `, ${oneLine(campaign.name)}`}`,
    row('state', stateText(state)),
    campaign.cancelledAt !== null && row('cancelled', clockTime(campaign.cancelledAt, now)),
    paused !== null && row('paused', `${clockTime(paused.at, now)}, ${pauseWords(paused, provider)}`),
    owner !== null && row('run by', `process ${owner.pid} on ${oneLine(owner.host)} since ${clockTime(owner.startedAt, now)}`),
    ...countRows(progress),
    ...replyRows(replies),
    etaMs !== null && row('time left', `${formatDuration(etaMs)}${endsAt === null ? '' : `, until ${clockTime(endsAt, now)}`}`),
    lastMessage !== null && row('last row', String(lastMessage)),
    updatedAt !== null && row('updated', clockTime(updatedAt, now)),
    ...failureRows(failures),
    next !== null && `Next: ${next}`,
  ];
  return `${lines.filter((line) => line !== false).join('\n')}\n`;
}

/** One campaign as `status <id> --json` prints it: the counts of `summary`, and where it stands. */
export function statusJson(state: CampaignState): Record<string, unknown> {
  const { campaign, progress, paused, owner, sandbox, replies, failures, etaMs, endsAt, updatedAt, lastMessage, next } = state;
  const json = {
    type: 'status',
    campaign: campaign.id,
    name: campaign.name,
    status: campaign.status,
    state: displayState(state),
    ...countsJson(progress),
    ...repliesJson(replies),
    paused: paused && { reason: paused.reason, detail: paused.detail, at: iso(paused.at) },
    owner: owner && { host: owner.host, pid: owner.pid, started_at: iso(owner.startedAt) },
    failures: failures.map(({ code, reason, count }) => ({ code, reason, count })),
    eta_seconds: etaMs === null ? null : toSeconds(etaMs),
    ends_at: endsAt === null ? null : iso(endsAt),
    cancelled_at: campaign.cancelledAt === null ? null : iso(campaign.cancelledAt),
    created_at: campaign.createdAt === null ? null : iso(campaign.createdAt),
    updated_at: updatedAt === null ? null : iso(updatedAt),
    last_message: lastMessage,
    next,
  };
  return sandbox ? inSandbox(json) : json;
}

/** All campaigns as `status --json` prints them: one object. */
export function statusListJson(
  states: CampaignState[],
  { sandbox = areRehearsals(states) }: Pick<Listing, 'sandbox'> = {},
): Record<string, unknown> {
  const json = { type: 'status', campaigns: states.map(statusJson) };
  return sandbox ? inSandbox(json) : json;
}

function areRehearsals(states: CampaignState[]): boolean {
  return states.some(({ sandbox }) => sandbox);
}

function nothingYet(sandbox: boolean): string {
  const flag = sandbox ? ' --sandbox' : '';
  return `${sandboxMark(sandbox)}No campaigns yet.\nNext: wsend run --csv people.csv --message "Hello {{first_name}}"${flag}\n`;
}

const HEAD = ['id', 'name', 'state', 'total', 'sent', 'failed', 'in doubt', 'pending', 'skipped', 'updated'];
const NUMBERS = new Set(['id', 'total', 'sent', 'failed', 'in doubt', 'pending', 'skipped']);
const NAME = HEAD.indexOf('name');
const NAME_WIDTH = 28;

function stateText(state: CampaignState): string {
  const word = displayState(state);
  if (word === 'replies') return 'waiting for replies';
  if (word === 'in_doubt') return 'in doubt';
  return word === 'other' ? oneLine(state.campaign.status) : word;
}
