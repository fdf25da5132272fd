import { basename } from 'node:path';
import { campaignName } from '../core/checkpoint.ts';
import { eta } from '../core/eta.ts';
import { maskPhone } from '../core/phone.ts';
import { refusedRows } from '../core/refused-rows.ts';
import { formatCount } from '../core/units.ts';
import { EXIT, UsageError, UserError } from '../errors.ts';
import type { Options } from '../options.ts';
import { announceIfSlow } from '../runs/announce-if-slow.ts';
import { readCampaignId } from '../runs/arguments.ts';
import { campaignOf } from '../runs/campaign-of.ts';
import { checkAll, checkConfig } from '../runs/check-config.ts';
import { dryRunCampaign, nothingSent } from '../runs/dry-run.ts';
import { tellMistaken, tellMistakenIn } from '../runs/mistaken.ts';
import { daysOf, leftOutWords, recentOf } from '../runs/recent-check.ts';
import { readLimit, runStream, type SendingOptions } from '../runs/run-stream.ts';
import { takeLease } from '../runs/under-lease.ts';
import type { World } from '../world.ts';

export type RunOptions = SendingOptions &
  Pick<Options, 'campaign' | 'csv' | 'message' | 'message2' | 'name' | 'country' | 'phoneColumn' | 'again'>;

type CheckedPeople = Awaited<ReturnType<World['people']>>;

/** `wsend run`: sends a campaign of the database, or makes one of a CSV file and sends it. */
export async function run(world: World, options: RunOptions): Promise<number> {
  if ((options.campaign === undefined) === (options.csv === undefined)) {
    throw new UsageError(
      'exactly one of --campaign <id> and --csv <file> is needed',
      `For example: wsend run --csv people.csv --message 'Hello {{first_name}}'`,
    );
  }
  if (options.campaign !== undefined) {
    const id = readCampaignId(options.campaign);
    refuseFileFlags(options, id);
    checkConfig(world, options);
    if (world.sandbox) await copyAnew(world, id);
    await tellMistakenIn(world, id);
    return options.dryRun ? dryRunCampaign(world, id, options) : runStream(world, id, options);
  }
  return runFile(world, options);
}

/** A rehearsal begins with the campaign as the operator's database has it now; one that is being rehearsed is left alone. */
async function copyAnew(world: World, id: number): Promise<void> {
  await world.dataToWrite();
  const owner = { ...(await world.processes()).self(), purpose: `campaign ${id}`, brief: true };
  const lease = await takeLease(world, { names: [campaignName(id, 'message_1'), campaignName(id, 'message_2')], owner });
  try {
    await world.copyCampaign(id, lease.epoch);
  } finally {
    await lease.release();
  }
}

/** People who want no messages are left out in a rehearsal, too. One that is made of a file needs no database. */
async function copyOptOuts({ show, copyOptOuts: copy }: World): Promise<void> {
  await copy().catch((error) => {
    if (!(error instanceof UserError)) throw error;
    show.aside(`Your opt-out list could not be read, so this rehearsal leaves nobody out: ${error.message}`);
  });
}

/** What a campaign of the database says itself. Passed over in silence, such a flag could have another text sent than the one that was typed. */
const OF_FILES = {
  message: '--message',
  message2: '--message-2',
  name: '--name',
  country: '--country',
  phoneColumn: '--phone-column',
  again: '--again',
} as const;

function refuseFileFlags(options: RunOptions, id: number): void {
  const given = Object.entries(OF_FILES).flatMap(([name, flag]) => (options[name as keyof typeof OF_FILES] === undefined ? [] : [flag]));
  if (given.length === 0) return;
  throw new UsageError(
    `${given.join(' and ')} ${given.length === 1 ? 'works' : 'work'} only with --csv: campaign ${id} is sent as the database has it`,
    'Leave out the flag, or make a new campaign from a file with --csv.',
  );
}

async function runFile(world: World, options: RunOptions): Promise<number> {
  if (options.skipRecent)
    throw new UsageError(
      '--skip-recent works only with --campaign: from a file, people who had the same text lately are left out anyway',
      'Leave it out.',
    );
  if (options.message === undefined)
    throw new UsageError('--csv needs --message <text|@file>: the text of Message 1', `For example: --message 'Hello {{first_name}}'`);
  const configured = () => world.config(world.purpose);
  checkAll(configured, () => readLimit(options));
  const message1 = await world.messageText(options.message, '--message');
  const message2 = options.message2 === undefined ? null : await world.messageText(options.message2, '--message-2');
  const check = world.people({
    path: options.csv as string,
    country: options.country,
    phoneColumn: options.phoneColumn,
    message1: await world.template(message1, '--message'),
    message2: message2 === null ? null : await world.template(message2, '--message-2'),
    writeRejected: !options.dryRun,
  });
  const people = await announceIfSlow(world, `Checking every row of ${options.csv}`, check);
  tellChecked(world, people);
  const texts: [string, string | null][] = [
    ['--message', message1],
    ['--message-2', message2],
  ];
  tellMistaken(world, texts, people.variables);
  refuseInvalid(people, options);
  if (options.dryRun) return dryRunFile(world, people, options);

  // Whatever would keep it from being sent comes up before there is a campaign.
  const { imports } = await world.dataToWrite();
  await (await world.entries()).check();
  if (world.sandbox) await copyOptOuts(world);
  await world.provider(configured());
  const rule = options.again ? 'send' : 'leave_out';
  const place = await placeOf(world, people.fingerprint, options);
  if ('draft' in place) {
    world.show.aside(`Campaign ${place.draft} was made from ${people.path} earlier, and nothing was sent yet: this run continues it.`);
    return runStream(world, place.draft, options, { rule });
  }
  const name = options.name ?? basename(people.path);
  const recent = options.again ? null : await announceIfSlow(world, 'Looking who had this text lately', recentOf(world, null));
  const made = await imports.createCampaign({
    ...{ name, message1, message2, fingerprint: place.fingerprint, recent },
    ...(options.again && { rule }),
    recipients: people.recipients(),
  });
  const leftOut = made.leftOut === 0 ? '' : `, ${made.leftOut} of them left out: they had this very text lately (--again sends it to them)`;
  world.show.aside(`Campaign ${made.campaign} was made from ${people.path}: ${formatCount(made.recipients, 'recipient')}${leftOut}.`);
  return runStream(world, made.campaign, options, { justMade: !options.again });
}

function tellChecked({ show }: World, { path, counts, notes, absentVariables }: CheckedPeople): void {
  show.aside(
    `${path}: ${formatCount(counts.rows, 'row')}, ${formatCount(counts.accepted, 'valid', 'valid')}, ${formatCount(counts.duplicates, 'duplicate')} dropped, ${formatCount(counts.refused, 'refused', 'refused')}`,
  );
  for (const note of notes) show.aside(`  ${note}`);
  for (const variable of absentVariables) show.aside(`  {{ ${variable} }} is no column of ${path}; everyone gets its default`);
}

/** Nothing is sent while a row is refused, unless the operator says so. */
function refuseInvalid({ path, counts, firstRefused, rejectedFile }: CheckedPeople, { skipInvalid }: RunOptions): void {
  const list = `${formatCount(counts.refused, 'row')} of ${path} cannot be sent:${refusedRows(firstRefused, counts.refused)}`;
  const where = rejectedFile === null ? '' : ` They are in ${rejectedFile}.`;
  if (counts.accepted === 0) throw new UsageError(list, `Nothing was sent.${where}`);
  if (counts.refused > 0 && !skipInvalid) throw new UsageError(list, `Correct them, or send the rest with --skip-invalid.${where}`);
}

/**
 * Where a file with this text goes: into a new campaign, or into the draft that it became before and that was never begun. One that was begun is
 * refused, unless it is to be sent again; one that was cancelled does not count any more.
 */
async function placeOf(
  world: World,
  fingerprint: string,
  { again = world.sandbox }: RunOptions,
): Promise<{ fingerprint: string } | { draft: number }> {
  const { imports, campaigns } = await world.data();
  for (let n = 1; ; n += 1) {
    const numbered = n === 1 ? fingerprint : `${fingerprint}-${n}`;
    const known = await imports.findImport(numbered);
    if (known === undefined) return { fingerprint: numbered };
    const { status, cancelledAt } = await campaignOf(campaigns, known);
    if (cancelledAt !== null) continue;
    if (status === 'draft') return { draft: known };
    if (!again)
      throw new UsageError(
        `this file with this text is campaign ${known} already`,
        `Continue it with wsend resume ${known}, or send it to everyone again with --again.`,
      );
  }
}

async function dryRunFile(world: World, { counts, sample, recipients }: CheckedPeople, { again }: RunOptions): Promise<number> {
  const { pace } = world.config(world.purpose).policy;
  const had = world.isNew() ? null : await recentOf(world, null);
  const recent = had === null ? 0 : await (await world.data()).recentTexts.count(had, recipients());
  const pending = counts.accepted - (again ? 0 : recent);
  const etaMs = eta(pending, pace);
  const texts = sample.map(({ phone, message1 }) => `  ${maskPhone(phone)}: ${message1}\n`).join('');
  const json = {
    type: 'dry_run',
    total: counts.accepted,
    pending,
    recent,
    duplicates: counts.duplicates,
    refused: counts.refused,
    eta_seconds: etaMs / 1_000,
    texts: sample.map(({ phone, message1 }) => ({ phone, text: message1 })),
  };
  world.show.result(
    json,
    `${nothingSent(pending, etaMs)}${again ? '' : leftOutWords({ count: recent, days: daysOf(world) })} The first texts:\n${texts}`,
  );
  return EXIT.done;
}
