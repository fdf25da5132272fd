import { parseArgs } from 'node:util';
import { type RunningRedis, setup, startRedis, teardown } from '../support/servers.ts';
import { DATABASES, type Ground, type Plan, planOf, STORES } from './plan.ts';

/** Rounds at the same time. */
const WORKERS = 2;

const HELP = `Plays seeded rounds of the built program: random faults, kills, suspensions, lost checkpoints; then checks that nobody got it twice and nobody was forgotten.

  npm run torture -- [--rounds 20] [--seed 1] [--store database|redis] [--database sqlite|postgres|mysql] [--minutes n]

Round i has the seed --seed + i. Without --store and --database the rounds go through all that are there. --minutes begins no round after so many.
A failed round prints how to play it again; its folder is kept. The seed fixes what is done and when; what it meets depends on the machine too.
`;

/** What happened, in numbers. */
type Tally = Record<string, number>;

const OPTIONS = {
  rounds: { type: 'string', default: '20' },
  seed: { type: 'string', default: '1' },
  store: { type: 'string' },
  database: { type: 'string' },
  minutes: { type: 'string', default: '1440' },
  help: { type: 'boolean', default: false },
} as const;

/** A flag that is not as HELP says. */
class WrongFlag extends Error {}

try {
  process.exitCode = await torture(flags());
} catch (error) {
  if (!(error instanceof WrongFlag)) throw error;
  process.stderr.write(`torture: ${error.message}\n`);
  process.exitCode = 2;
}

function flags() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new WrongFlag(error instanceof Error ? error.message : String(error));
  }
}

async function torture(values: ReturnType<typeof flags>): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stores = chosen('--store', values.store, STORES);
  const databases = chosen('--database', values.database, DATABASES);
  const [rounds, first, minutes] = [whole('--rounds', values.rounds), whole('--seed', values.seed), whole('--minutes', values.minutes)];
  await setup();
  // Only now: which servers there are is read when this is loaded.
  const [{ play }, { violations }, { isAvailable }] = await Promise.all([
    import('./play.ts'),
    import('./check.ts'),
    import('../support/databases.ts'),
  ]);
  const grounds: Ground[] = stores.flatMap((store) => databases.filter(isAvailable).map((database) => ({ store, database })));
  const deadline = Date.now() + minutes * 60_000;
  const tally: Tally = {};
  let [next, failed] = [0, 0];

  const worker = async () => {
    const redis = stores.includes('redis') ? await startRedis(['--appendonly', 'yes']) : null;
    while (next < rounds && Date.now() < deadline) {
      const seed = first + next++;
      const plan = planOf(seed, grounds[seed % grounds.length] as Ground);
      try {
        if (!(await one(plan, redis))) failed += 1;
      } catch (cause) {
        failed += 1;
        process.stdout.write(`${title(plan)}: the round itself broke: ${cause instanceof Error ? cause.stack : cause}\n${replay(plan)}`);
      }
    }
    await redis?.stop();
  };
  const one = (plan: Plan, redis: RunningRedis | null) =>
    play(plan, plan.store === 'redis' ? redis : null, (evidence, folder) => {
      const broken = violations(evidence);
      count(tally, plan, evidence.ran.length);
      const verdict =
        broken.length === 0 ? 'ok' : `BROKEN\n${broken.map((line) => `  - ${line}\n`).join('')}  kept in ${folder}\n${replay(plan)}`;
      process.stdout.write(`${title(plan)}: ${evidence.ran.length} runs, ${evidence.accepted.length} accepted: ${verdict}\n`);
      return { keep: broken.length > 0, result: broken.length === 0 };
    });
  await Promise.all(Array.from({ length: Math.min(WORKERS, rounds) }, worker));
  await teardown();
  const lines = Object.entries(tally).sort(([a], [b]) => a.localeCompare(b));
  process.stdout.write(`\n${lines.map(([what, times]) => `${String(times).padStart(6)}  ${what}\n`).join('')}${failed} rounds broken\n`);
  return failed === 0 ? 0 : 1;
}

function count(tally: Tally, { store, database, crowd, phases }: Plan, runs: number): void {
  const add = (what: string, times = 1) => {
    tally[what] = (tally[what] ?? 0) + times;
  };
  add('rounds');
  add(`rounds on ${store} and ${database}`);
  add('runs of wsend', runs);
  if (crowd) add('two of three want no messages');
  for (const { blow, faults, twins, wiped, elsewhere } of phases) {
    add(`blow: ${blow}`);
    if (twins) add('two runs at the same instant');
    if (wiped) add('checkpoint lost between two runs');
    if (elsewhere) add('a run with its checkpoint elsewhere');
    for (const [name, value] of Object.entries(faults)) if (value !== '0' && value !== 'nothing') add(`fault: ${name}`);
  }
}

function title({ seed, store, database }: Plan): string {
  return `seed ${seed} (${store}, ${database})`;
}

function replay(plan: Plan): string {
  const { seed, store, database } = plan;
  return `  again: npm run torture -- --rounds 1 --seed ${seed} --store ${store} --database ${database}\n  plan: ${JSON.stringify(plan)}\n`;
}

function chosen<T extends string>(flag: string, value: string | undefined, allowed: readonly T[]): T[] {
  const found = allowed.filter((word) => value === undefined || word === value);
  if (found.length === 0) throw new WrongFlag(`${flag} is ${value}, allowed: ${allowed.join(', ')}`);
  return found;
}

function whole(flag: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new WrongFlag(`${flag} is ${value}, allowed: a whole number`);
  return Number(value);
}
