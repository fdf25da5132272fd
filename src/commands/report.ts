import { BEFORE_ALL } from '../core/campaign.ts';
import type { EpochMs } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import type { RecipientReport } from '../ports/database.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import type { World } from '../world.ts';

/** Recipients read at a time. */
const PAGE = 500;

/**
 * `wsend report <id>`: what became of each recipient, as CSV (or one object a line with `--json`), as the database has it now. In the sandbox
 * every row says so, so that a rehearsal's file is not taken for that of the campaign.
 */
export async function report(world: World, { id: typed }: { id: string }): Promise<number> {
  const id = readCampaignId(typed);
  const { campaigns } = await world.data();
  await campaignOf(campaigns, id);
  const reports = await world.recipientReports();
  const csvLine = await world.csvLine();
  const now = world.clock.now();
  const mark: { sandbox?: true } = world.sandbox ? { sandbox: true } : {};
  let first = true;
  for (let after = BEFORE_ALL; ; ) {
    const page = await reports.page(id, after, PAGE, now);
    for (const one of page) {
      const cells = cellsOf(one);
      const columns = { ...cells, ...mark };
      const line = csvLine(Object.entries(columns).map(inSpreadsheet));
      world.show.row({ type: 'recipient', campaign: id, ...mark, ...cells }, first ? csvLine(Object.keys(columns)) + line : line);
      first = false;
    }
    await world.show.drained();
    if (page.length < PAGE) break;
    after = page.at(-1)?.message ?? after;
  }
  if (first) world.show.aside(`Campaign ${id} has no recipients yet.`);
  return EXIT.done;
}

/** By the names of the columns, which are those of the database. */
function cellsOf(one: RecipientReport) {
  return {
    message: one.message,
    phone: one.phone,
    first_name: one.firstName,
    last_name: one.lastName,
    status: one.status,
    reason: one.reason,
    attempts: one.attempts,
    sent_at: stamp(one.sentAt),
    delivered_at: stamp(one.deliveredAt),
    read_at: stamp(one.readAt),
    reply: one.reply,
    replied_at: stamp(one.repliedAt),
    reacted_at: stamp(one.reactedAt),
    message_2: one.message2,
  };
}

/** Others' words, which a spreadsheet must show and not work out. */
const WORDS = new Set(['first_name', 'last_name', 'reason']);

/**
 * A value as a cell of the CSV. Words that begin as a formula does (`=`, `+`, `-`, `@`, tab, carriage return) get an apostrophe in front.
 * The number in `phone` keeps its plus as it is: that is no formula, and scripts read it.
 */
function inSpreadsheet([column, value]: [string, string | number | true | null]): string {
  const text = String(value ?? '');
  return WORDS.has(column) && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function stamp(at: EpochMs | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
