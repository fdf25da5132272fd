import { personKey } from '../core/person.ts';
import { formatCount } from '../core/units.ts';
import { EXIT, UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import type { World } from '../world.ts';

/** Numbers that are put on the list, or shown of it, in one step. */
const AT_ONCE = 1_000;

export type ChangeOptions = Pick<Options, 'country'> & { numbers: string[]; out: boolean };
export type ImportOptions = Pick<Options, 'country' | 'phoneColumn'> & { csv: string };

/** `wsend optout add` and `remove`: all numbers, or none when one of them is no number. */
export async function change(world: World, { numbers, country, out }: ChangeOptions): Promise<number> {
  const phones: string[] = [];
  const problems: string[] = [];
  for (const number of numbers) {
    const read = await world.number(number, country);
    if ('problem' in read) {
      problems.push(`"${number}": ${read.problem}`);
      continue;
    }
    phones.push(read.phone);
    if (read.renumbered) world.show.aside(`"${number}" has a form that its country has replaced; it is ${read.phone} today`);
  }
  if (problems.length > 0)
    throw new UsageError(problems.join('; '), 'Nothing was changed. Write each number with + and its country code, or use --country.');
  const { optOuts } = await world.data();
  const changed = await optOuts.set(phones, out, 'command');
  const same = new Set(phones.map(personKey)).size - changed;
  const what = out ? 'put on the list: they get no more messages' : 'taken off the list';
  const note = same > 0 ? ` ${formatCount(same, 'number')} ${out ? 'on it before' : 'not on it'}.` : '';
  world.show.result({ type: 'optout', changed, unchanged: same, out }, `${formatCount(changed, 'number')} ${what}.${note}\n`);
  return EXIT.done;
}

/** `wsend optout list`: every number on the list, one line each. */
export async function list(world: World): Promise<number> {
  const { optOuts } = await world.data();
  let count = 0;
  for await (const { phone, at, source } of optOuts.list()) {
    const when = new Date(at).toISOString();
    world.show.row({ type: 'opted_out', phone, at: when, source }, `${phone}  ${when}  ${source.replace(/\s+/g, ' ')}\n`);
    count += 1;
    if (count % AT_ONCE === 0) await world.show.drained();
  }
  world.show.aside(count === 0 ? 'Nobody is on the list.' : formatCount(count, 'number'));
  return EXIT.done;
}

/** `wsend optout import`: the numbers of a file; rows that are none are said, and the others count all the same. */
export async function importFile(world: World, { csv, country, phoneColumn }: ImportOptions): Promise<number> {
  const people = await world.people({ path: csv, country, phoneColumn, message1: null, message2: null });
  const { optOuts } = await world.data();
  let changed = 0;
  let some: string[] = [];
  const put = async () => {
    changed += await optOuts.set(some, true, 'import');
    some = [];
  };
  for await (const { phone } of people.recipients()) {
    some.push(phone);
    if (some.length === AT_ONCE) await put();
  }
  await put();
  const { refused, accepted } = people.counts;
  for (const note of people.notes) world.show.aside(`  ${note}`);
  for (const { line, reason } of people.firstRefused) world.show.aside(`  line ${line}: ${reason}`);
  const rest =
    refused === 0 ? '' : ` ${formatCount(refused, 'row')} could not be read and ${refused === 1 ? 'is' : 'are'} in ${people.rejectedFile}.`;
  world.show.result(
    { type: 'optout', changed, unchanged: accepted - changed, refused, out: true },
    `${formatCount(changed, 'number')} put on the list: they get no more messages. ${accepted - changed} on it before.${rest}\n`,
  );
  return refused > 0 ? EXIT.someFailed : EXIT.done;
}
