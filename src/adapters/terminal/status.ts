import { type CampaignState, standstill } from '../../core/campaign-state.ts';
import { type EpochMs, formatDuration, toSeconds } from '../../core/units.ts';
import { clockTime, iso } from './clock-time.ts';
import { countsJson } from './ndjson.ts';
import { repliesJson, replyRows } from './replies.ts';
import { countRows, failureRows, row } from './summary.ts';
import { cells, count, cut, oneLine, pad } from './text.ts';
import { pauseWords } from './words.ts';

/** All campaigns as a table, one line each; where it is wider than the terminal, names are cut. Ends with a line end. */
export function statusTable(states: CampaignState[], now: EpochMs, columns = Number.POSITIVE_INFINITY): string {
  if (states.length === 0) return 'No campaigns yet.\nNext: wsend run --csv people.csv --message "Hello {{first_name}}"\n';
  const head = states.some(({ progress }) => progress.skipped > 0) ? HEAD : HEAD.filter((name) => name !== 'skipped');
  const rows = states.map((state) => {
    const { campaign, progress, updatedAt } = state;
    const { total, sent, failed, inDoubt, pending, skipped } = progress;
    const name = cut(oneLine(campaign.name), NAME_WIDTH);
    const counts = [total, sent, failed, inDoubt, pending, ...(head === HEAD ? [skipped] : [])].map(count);
    return [String(campaign.id), name, stateText(state), ...counts, updatedAt === null ? '' : clockTime(updatedAt, now)];
  });
  const widths = head.map((head, i) => Math.max(...[head, ...rows.map((cols) => cols[i] ?? '')].map(cells)));
  const tooWide = widths.reduce((sum, width) => sum + width + 2, -2) - columns;
  if (tooWide > 0) widths[NAME] = Math.max(Math.min(widths[NAME] ?? 0, LEAST_NAME_WIDTH), (widths[NAME] ?? 0) - tooWide);
  const line = (cols: string[]) =>
    cols
      .map((text, i) => pad(i === NAME ? cut(text, widths[i] ?? 0) : text, widths[i] ?? 0, NUMBERS.has(head[i] ?? '') ? 'left' : 'right'))
      .join('  ');
  return [head, ...rows].map((cols) => `${line(cols).trimEnd()}\n`).join('');
}

/** One campaign in detail. Ends with a line end. */
export function statusText(state: CampaignState, now: EpochMs): string {
  const { campaign, progress, paused, owner, elsewhere, replies, failures, etaMs, endsAt, updatedAt, lastMessage, next } = state;
  const lines = [
    `Campaign ${campaign.id}${campaign.name.trim() === '' ? '' : `, ${oneLine(campaign.name)}`}`,
    row('state', stateText(state)),
    paused !== null && row('paused', `${clockTime(paused.at, now)}, ${pauseWords(paused)}`),
    owner !== null && row('run by', `process ${owner.pid} on ${oneLine(owner.host)} since ${clockTime(owner.startedAt, now)}`),
    elsewhere !== null && row('run by', `${oneLine(elsewhere)}, whose checkpoint is not here`),
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
  const { campaign, progress, paused, owner, elsewhere, replies, failures, etaMs, endsAt, updatedAt, lastMessage, next } = state;
  return {
    type: 'status',
    campaign: campaign.id,
    name: campaign.name,
    status: campaign.status,
    state: standstill(state),
    ...countsJson(progress),
    ...repliesJson(replies),
    paused: paused && { reason: paused.reason, detail: paused.detail, at: iso(paused.at) },
    owner: owner && { host: owner.host, pid: owner.pid, started_at: iso(owner.startedAt) },
    elsewhere,
    failures: failures.map(({ code, reason, count }) => ({ code, reason, count })),
    eta_seconds: etaMs === null ? null : toSeconds(etaMs),
    ends_at: endsAt === null ? null : iso(endsAt),
    created_at: campaign.createdAt === null ? null : iso(campaign.createdAt),
    updated_at: updatedAt === null ? null : iso(updatedAt),
    last_message: lastMessage,
    next,
  };
}

/** All campaigns as `status --json` prints them: one object. */
export function statusListJson(states: CampaignState[]): Record<string, unknown> {
  return { type: 'status', campaigns: states.map(statusJson) };
}

const HEAD = ['id', 'name', 'state', 'total', 'sent', 'failed', 'in doubt', 'pending', 'skipped', 'updated'];
const NUMBERS = new Set(['id', 'total', 'sent', 'failed', 'in doubt', 'pending', 'skipped']);
const NAME = HEAD.indexOf('name');
const NAME_WIDTH = 28;
const LEAST_NAME_WIDTH = 8;

function stateText(state: CampaignState): string {
  const word = standstill(state);
  if (word === 'replies') return 'waiting for replies';
  if (word === 'in_doubt') return 'in doubt';
  return word === 'other' ? oneLine(state.campaign.status) : word;
}
