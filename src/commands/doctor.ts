import { formatCount } from '../core/units.ts';
import { ConfigurationError, EXIT, messageOf, UserError } from '../errors.ts';
import type { Options } from '../options.ts';
import type { Advice, Provider } from '../ports/provider.ts';
import type { World } from '../world.ts';

export type DoctorOptions = Pick<Options, 'sql'>;

interface Finding {
  what: string;
  state: 'ready' | 'warning' | 'problem';
  detail: string;
  /** What to do about it, where that is known. */
  next?: string | undefined;
  exitCode: number;
}

interface Part {
  what: string;
  check: () => Promise<{ detail: string; warnings: (string | Advice)[] }>;
}

/** `wsend doctor`: configuration, database, checkpoint, line, each by itself; exits with the code of the first problem. */
export async function doctor(world: World, { sql = false }: DoctorOptions): Promise<number> {
  if (sql) return tellSql(world);
  const findings: Finding[] = [];
  const met = new Map<unknown, string>();
  for (const part of partsOf(world)) findings.push(...(await look(part, met)));
  const problem = findings.find(({ state }) => state === 'problem');
  const json = {
    type: 'doctor',
    ready: problem === undefined,
    findings: findings.map(({ what, state, detail, next }) => ({ what, state, detail, next })),
  };
  const text = findings.map(lineOf).join('');
  world.show.result(json, `${text}${verdictOn(findings)}\n`);
  return problem?.exitCode ?? EXIT.done;
}

/** `wsend doctor --sql`: what makes wsend's own tables, for a user who may create tables; nothing is made here. */
async function tellSql(world: World): Promise<number> {
  const { ownTables, name } = await world.data();
  const sql = await ownTables.sql();
  if (sql === '') world.show.aside(`wsend's own tables in ${name} are up to date: there is nothing to run.`);
  world.show.row({ type: 'sql', sql }, sql);
  return EXIT.done;
}

function lineOf({ what, state, detail, next }: Finding): string {
  const todo = next === undefined ? '' : `${' '.repeat(22)}${next}\n`;
  return `${MARK[state]} ${what.padEnd(13)} ${detail}\n${todo}`;
}

function verdictOn(findings: Finding[]): string {
  if (findings.some(({ state }) => state === 'problem')) return 'Not ready yet.';
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  if (warnings === 0) return 'Everything is ready.';
  return `No problem was found, but see the ${warnings === 1 ? 'warning' : 'warnings'} above.`;
}

function partsOf(world: World): Part[] {
  const { purpose } = world;
  return [
    {
      what: 'configuration',
      async check() {
        const { policy, warnings } = world.config(purpose);
        const { delayMs, batchSize, batchPauseMs } = policy.pace;
        return { detail: `${delayMs / 1_000} s between sends, batches of ${batchSize}, ${batchPauseMs / 1_000} s between them`, warnings };
      },
    },
    {
      what: 'database',
      async check() {
        const { campaigns, fitness } = await world.dataToWrite();
        await fitness.requireExactIds();
        return { detail: formatCount((await campaigns.list()).length, 'campaign'), warnings: await fitness.warnings() };
      },
    },
    { what: 'checkpoint', check: async () => (await world.entries()).check() },
    {
      what: 'line',
      async check() {
        const config = world.config(purpose);
        const provider = await world.provider(config);
        const setUp = async () => [...unaskable(provider), ...((await (await world.setup(config))?.line(config.policy.pace)) ?? [])];
        const line = await provider.askLine?.();
        if (line === undefined) return { detail: `${provider.name} cannot be asked how the line is`, warnings: await setUp() };
        if (line.kind === 'ready') return { detail: `${line.name} is ready`, warnings: await setUp() };
        if (line.kind === 'waiting') {
          const seen = `not ready now: ${line.reason}`;
          return { detail: '', warnings: [line.queuePaused ? { seen, next: letQueueGoOn(provider.name) } : seen, ...(await setUp())] };
        }
        throw new UserError(line.reason, { exitCode: line.kind === 'barred' ? EXIT.barred : EXIT.bug });
      },
    },
    ...proxyOf(world),
    ...webhookOf(world),
  ];
}

/** What it means for the operator that a provider cannot be asked what became of a message. */
function unaskable({ name, lookUp }: Provider): Advice[] {
  if (lookUp !== null) return [];
  const seen = `${name} cannot be asked what became of a message: a recipient whose answer is lost stays in doubt`;
  return [{ seen, next: 'Keep wsend listen running: a delivery report settles it. Settle the rest with wsend reconcile <id> --assume.' }];
}

function letQueueGoOn(name: string): string {
  return `The queue accepts messages but delivers none. Start it again in the ${name} console; until then a run waits, and pauses after 30 min.`;
}

/** The proxy through which the provider is reached, where the environment names one. */
function proxyOf(world: World): Part[] {
  const address = (() => {
    try {
      return world.config('look').provider.baseUrl;
    } catch {
      // Said under configuration.
      return '';
    }
  })();
  const proxy = world.sandbox ? null : world.proxyTo(address);
  if (proxy === null || !URL.canParse(proxy.url)) return [];
  const detail = `${new URL(address).host} is reached through ${new URL(proxy.url).host} (${proxy.variable})`;
  return [{ what: 'proxy', check: async () => ({ detail, warnings: [] }) }];
}

/** Whether the provider's calls would reach a listener, where an address is configured, and whether it makes them, where it lists its webhooks. */
function webhookOf(world: World): Part[] {
  const webhook = (() => {
    try {
      return world.config('look').webhook;
    } catch {
      // Said under configuration.
      return null;
    }
  })();
  if (webhook === null) return [];
  const { url: address, missing } = webhook;
  const reached = async () => {
    const answer = await world.probe(`${address}/healthz`);
    const warnings = missing.map(({ variable }) => `${variable} is not set: wsend listen offers no webhook`);
    if (answer === null) return { detail: `${address} answers`, warnings };
    throw new UserError(`${address}/healthz ${answer}`, { exitCode: EXIT.bug });
  };
  const called = async () => {
    const warnings = (await (await world.setup(world.config(world.purpose)))?.webhook(address)) ?? null;
    return { detail: warnings?.length === 0 ? `${world.providerName()} calls it` : '', warnings: warnings ?? [] };
  };
  // The stand-in of a rehearsal makes no calls.
  const parts = [address !== null && reached, missing.length === 0 && !world.sandbox && called];
  return parts.filter((check) => check !== false).map((check) => ({ what: 'webhook', check }));
}

const MARK = { ready: 'ok     ', warning: 'warning', problem: 'PROBLEM' };

/** Looks at one part. `met` has the errors of the parts before it, with their names: what failed once is one problem and not several. */
async function look({ what, check }: Part, met: Map<unknown, string>): Promise<Finding[]> {
  const problem = (detail: string, exitCode: number): Finding => ({ what, state: 'problem', detail, exitCode });
  const warning = (detail: string, next?: string): Finding => ({ what, state: 'warning', detail, next, exitCode: EXIT.done });
  try {
    const { detail, warnings } = await check();
    const ready: Finding[] = detail === '' ? [] : [{ what, state: 'ready', detail, exitCode: EXIT.done }];
    return [...ready, ...warnings.map((seen) => (typeof seen === 'string' ? warning(seen) : warning(seen.seen, seen.next)))];
  } catch (error) {
    if (error instanceof ConfigurationError) {
      if (what !== 'configuration') return [warning('not checked: the configuration is wrong')];
      return error.problems.map((text) => problem(text, error.exitCode));
    }
    const cause = met.get(error);
    if (cause !== undefined) return [warning(`not checked: it needs the ${cause}`)];
    met.set(error, what);
    const { exitCode = EXIT.bug, next } = error instanceof UserError ? error : {};
    return [{ ...problem(messageOf(error), exitCode), next }];
  }
}
