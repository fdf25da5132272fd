import { parseArgs } from 'node:util';
import { type Played, play } from './play.ts';

/** How often it is said how far it is, in seeds. */
const TELL_EVERY = 500;

/** `--seeds 5000 [--from 1]` plays many, `--seed 17` plays one and shows every step; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' } },
  });
  const uncaught: unknown[] = [];
  process.on('unhandledRejection', (error) => uncaught.push(error));
  if (values.seed !== undefined) return playOne(Number(values.seed), uncaught);

  const [from, count] = [Number(values.from), Number(values.seeds)];
  const totals = { seeds: 0, processes: 0, written: 0, bad: 0 };
  const begin = Date.now();
  for (let seed = from; seed < from + count; seed += 1) {
    const played = await play(seed);
    played.violations.push(...uncaught.splice(0).map(uncaughtText));
    totals.seeds += 1;
    totals.processes += played.processes;
    totals.written += played.written;
    if (played.violations.length > 0) totals.bad += 1;
    if (played.violations.length > 0) console.log(failure(played));
    if (totals.seeds % TELL_EVERY === 0) console.log(`${totals.seeds} seeds, ${totals.bad} bad`);
  }
  const seconds = Math.round((Date.now() - begin) / 1_000);
  console.log(
    `${totals.seeds} seeds, ${totals.processes} processes, ${totals.written} requests in ${seconds} s: ${totals.bad} seeds with violations`,
  );
  return totals.bad === 0 ? 0 : 1;
}

async function playOne(seed: number, uncaught: unknown[]): Promise<number> {
  const played = await play(seed, { trace: (line) => console.log(line) });
  played.violations.push(...uncaught.map(uncaughtText));
  console.log(JSON.stringify(played.scenario));
  console.log(played.violations.length === 0 ? `seed ${seed}: nothing wrong` : failure(played));
  return played.violations.length === 0 ? 0 : 1;
}

function uncaughtText(error: unknown): string {
  return `nobody caught: ${error instanceof Error ? error.stack : String(error)}`;
}

/** What went wrong with a seed, and how to see it again. */
export function failure({ scenario, violations }: Played): string {
  const shown = violations.slice(0, 5).map((text) => `  ${text}`);
  return `seed ${scenario.seed}: ${violations.length} violations; replay: npm run simulate -- --seed ${scenario.seed}\n${shown.join('\n')}`;
}
