import { existsSync } from 'node:fs';
import type { Kysely } from 'kysely';
import { systemClock } from './adapters/clock.ts';
import type { ReadNumber } from './adapters/csv/number.ts';
import type { CheckedPeople, PeopleOptions } from './adapters/csv/people.ts';
import type { Template } from './adapters/liquid/template.ts';
import { type Config, type Purpose, resolveConfig } from './config.ts';
import type { MessageType } from './core/campaign.ts';
import { type Fact, isFact } from './core/incoming.ts';
import { UsageError } from './errors.ts';
import { type Flags, readEnvFile, settingFlags, wantsColor } from './flags.ts';
import type { Outside } from './outside.ts';
import {
  type CampaignSettings,
  type CheckpointStore,
  type CheckpointView,
  type Clock,
  type DatabaseLock,
  type Inbox,
  type Ledger,
  type ListenMetrics,
  NO_CHECKPOINT,
  type Owner,
  type Processes,
  type Provider,
  type ProviderList,
  type RecipientReports,
  type Report,
  type RunsElsewhere,
  type Watcher,
} from './ports.ts';
import { type Data, openData } from './world/data.ts';
import { openSandbox } from './world/sandbox.ts';
import { makeShow, type Show } from './world/show.ts';

/** How the provider's calls are listened for. */
export interface Listening {
  host: string;
  port: number;
  /** False where there is only polling: then no webhook is offered. */
  webhook: boolean;
  metrics: ListenMetrics;
  take(facts: Fact[]): Promise<void>;
  health(): Promise<string[]>;
}

/** Everything a command may touch. Adapters are loaded and opened on first use. */
export interface World {
  clock: Clock;
  outside: Outside;
  /** The configuration for a purpose, read anew from the environment and the file. Shows its warnings once. */
  config(purpose: Purpose, campaign?: CampaignSettings): Config;
  data(): Promise<Data>;
  /** What it holds of our messages, as a ledger. */
  ledger(): Promise<Ledger>;
  recipientReports(): Promise<RecipientReports>;
  /** Makes one line of a CSV file. */
  csvLine(): Promise<(cells: string[]) => string>;
  /** The checkpoints of Message 1, or of Message 2. */
  checkpoints(type?: MessageType): Promise<CheckpointStore>;
  /** What a campaign's checkpoint shows to those who only look; makes neither file nor table. */
  view(campaign: number, type?: MessageType): Promise<CheckpointView>;
  /** Locks a campaign and a line in the database itself; a HeldElsewhere where another run has one of them. */
  databaseLock(wish: { campaign: number; type: MessageType; line: string; owner: Owner }): Promise<DatabaseLock>;
  /** Runs that the database's own locks show. */
  runsElsewhere(): Promise<RunsElsewhere>;
  processes(): Promise<Processes>;
  /** The line of the configuration (or another `line` of the same account), or that of a sandbox inside this process. */
  provider(config: Config, sandbox: boolean, line?: string): Promise<Provider>;
  /** The same, for asking what it holds. */
  providerList(config: Config, sandbox: boolean): Promise<ProviderList>;
  /** A sandbox that listens for others. `faults` are texts such as `throttle=0.1`. */
  sandbox(options: {
    port: number;
    file: string | null;
    faults: string[];
    /** Where it tells what happens to messages, and what contacts answer. */
    webhook: string | undefined;
  }): Promise<{ url: string; controlUrl: string; apiKey: string; device: string }>;
  /** Every fault of the sandbox, as JSON and as text. */
  faultList(): Promise<[Record<string, unknown>, string]>;
  /** The text that a flag gives, as it stands or as `@file`. */
  messageText(argument: string, flag: string): Promise<string>;
  /** What the provider reported; makes its tables where they are missing. Rejects with UsageError where they cannot be relied on. */
  inbox(): Promise<Inbox>;
  metrics(inbox: Inbox): Promise<ListenMetrics>;
  /** Listens for the provider until closed. */
  listen(options: Listening): Promise<{ url: string; close(): Promise<void> }>;
  /** The provider, asked for what its webhook would report. */
  watcher(config: Config): Promise<Watcher>;
  /** Asks an address of ours with GET; null when it answers 200, else what happened, in words that follow it. */
  probe(url: string): Promise<string | null>;
  /** A message text, understood; `what` names it in errors. */
  template(text: string, what: string): Promise<Template>;
  people(options: PeopleOptions): Promise<CheckedPeople>;
  /** One number as typed, in E.164, or why it is none. */
  number(text: string, country?: string): Promise<ReadNumber>;
  report(): Promise<Report>;
  show: Show;
  /** Ends the process at once, with the terminal as it was. */
  leave(exitCode: number): void;
  /** Closes what was opened, last first. */
  close(): Promise<void>;
}

/** Where wsend keeps what is its own when the database is on a server. */
const OWN_FILE = 'wsend.db';

export function openWorld(flags: Flags, outside: Outside): World {
  const closers: (() => Promise<void>)[] = [];
  let shown: { close(): void } | undefined;
  const envFile = () => readEnvFile(flags.envFile);
  const now = systemClock.now;
  const show = makeShow(flags, outside, now);
  const warned = new Set<string>();

  const config = (purpose: Purpose, campaign: CampaignSettings = {}): Config => {
    const resolved = resolveConfig({ flags: settingFlags(flags), campaign, env: outside.env, envFile: envFile() }, purpose);
    for (const warning of resolved.warnings) if (!warned.has(warning)) outside.stderr.write(`wsend: warning: ${warning}\n`);
    for (const warning of resolved.warnings) warned.add(warning);
    return resolved;
  };

  /** Where things are kept has nothing to do with the shortest delay of a real line. */
  const stores = () => config('sandbox');
  const database = once(async () => {
    const { openDatabase } = await import('./adapters/sql/database.ts');
    const opened = await openDatabase(stores().databaseUrl, { now });
    closers.push(() => opened.close());
    return opened;
  });
  /** wsend's own SQLite file: the database itself where that is SQLite, for one connection must serve all of a file. */
  const embedded = once(async (): Promise<Kysely<never>> => {
    if (stores().databaseUrl.startsWith('sqlite:')) return (await database()).db as unknown as Kysely<never>;
    const { openSqlite } = await import('./adapters/sql/sqlite.ts');
    const db = openSqlite<never>(OWN_FILE);
    closers.push(() => db.destroy());
    return db;
  });

  const data = once(async () => openData(await database()));
  const openCheckpoints = async (type: MessageType) => {
    const { redisUrl } = stores();
    const store =
      redisUrl === null
        ? (await import('./adapters/sql/embedded-checkpoint.ts')).embeddedCheckpointStore(await embedded(), systemClock, type)
        : (await import('./adapters/redis/checkpoint-store.ts')).redisCheckpointStore(redisUrl, type);
    closers.push(() => store.close());
    return store;
  };
  const kept = { message_1: once(() => openCheckpoints('message_1')), message_2: once(() => openCheckpoints('message_2')) };
  const checkpoints = (type: MessageType = 'message_1') => kept[type]();

  /** Others that have only the database in common with us learn by it whether they share our checkpoints, too. */
  let storeIdentity: string | undefined;
  const identifyStore = async (): Promise<string> => {
    const { redisUrl } = stores();
    if (redisUrl !== null) return (await import('./adapters/redis/identity.ts')).redisIdentity(redisUrl);
    await embedded();
    return (await import('./adapters/process/file-identity.ts')).fileIdentity(OWN_FILE);
  };

  const providers = new Map<string, Promise<Provider & ProviderList>>();
  const openProvider = async ({ provider }: Config, sandbox: boolean, line: string | undefined): Promise<Provider & ProviderList> => {
    if (flags.fault !== undefined && !sandbox) throw new UsageError(...FAULTS_ARE_FOR_THE_SANDBOX);
    const { lazyWassengerProvider } = await import('./adapters/wassenger/lazy-provider.ts');
    const { url, ...stand } = sandbox
      ? await openSandbox({ port: 0, db: await embedded(), faults: flags.fault ?? [] }, closers)
      : { url: provider.baseUrl };
    const opened = lazyWassengerProvider({ ...provider, ...stand, ...(line === undefined ? {} : { device: line }), baseUrl: url, now });
    closers.push(() => opened.close());
    return opened;
  };

  const providerOf = (config: Config, sandbox: boolean, line?: string): Promise<Provider & ProviderList> => {
    const name = `${sandbox} ${line ?? ''}`;
    const opened = providers.get(name) ?? openProvider(config, sandbox, line);
    providers.set(name, opened);
    return opened;
  };

  return {
    clock: systemClock,
    outside,
    config,
    show,
    data,
    ledger: once(async () => (await import('./adapters/sql/ledger.ts')).ledger(await database())),
    recipientReports: async () => (await import('./adapters/sql/recipient-reports.ts')).recipientReports(await database()),
    csvLine: async () => (await import('./adapters/csv/cells.ts')).csvLine,
    checkpoints,
    async view(campaign, type) {
      const { redisUrl, databaseUrl } = stores();
      const elsewhere = redisUrl === null && !databaseUrl.startsWith('sqlite:');
      return elsewhere && !existsSync(OWN_FILE) ? NO_CHECKPOINT : (await checkpoints(type)).view(campaign);
    },
    async databaseLock(wish) {
      const opened = await database();
      // Not a promise that is kept: it would keep a failure, too.
      if (opened.dialect !== 'sqlite') storeIdentity ??= await identifyStore();
      return (await import('./adapters/sql/database-lock.ts')).databaseLock(opened, { ...wish, store: storeIdentity ?? '' }, systemClock);
    },
    runsElsewhere: once(async () => (await import('./adapters/sql/runs-elsewhere.ts')).runsElsewhere(await database())),
    processes: once(async () => (await import('./adapters/process/processes.ts')).processes()),
    provider: providerOf,
    providerList: (config, sandbox) => providerOf(config, sandbox),
    async sandbox({ port, file, ...rest }) {
      const { openSqlite } = await import('./adapters/sql/sqlite.ts');
      const db = file === null ? null : openSqlite<never>(file);
      if (db !== null) closers.push(() => db.destroy());
      return openSandbox({ port, db, ...rest }, closers);
    },
    async faultList() {
      const { FAULT_OPTIONS } = await import('./adapters/sandbox/faults.ts');
      const lines = FAULT_OPTIONS.map(({ name, argument, help, off }) => `  ${`${name}=${argument}`.padEnd(34)} ${help} (off: ${off})\n`);
      return [{ type: 'faults', faults: FAULT_OPTIONS }, `Faults of the sandbox, for --fault <name=value>:\n${lines.join('')}`];
    },
    async inbox() {
      const [{ openInbox }, { textWriter }] = await Promise.all([
        import('./adapters/sql/inbox.ts'),
        import('./adapters/liquid/write-text.ts'),
      ]);
      await (await data()).fitness.require('listening');
      return openInbox(await database(), { stopWords: stores().stopWords, write: textWriter('Message 2') });
    },
    async metrics(inbox) {
      const { listenMetrics } = await import('./adapters/web/metrics.ts');
      return listenMetrics(async () => {
        const { waiting, oldest } = await inbox.depth();
        return { waiting, oldestSeconds: oldest === null ? 0 : (now() - oldest) / 1_000 };
      });
    },
    async listen({ webhook, take, ...options }) {
      const [{ startWeb }, { readWebhook }] = await Promise.all([
        import('./adapters/web/server.ts'),
        import('./adapters/wassenger/webhook.ts'),
      ]);
      const { secret, signingSecret } = stores().webhook;
      return startWeb({
        ...options,
        secret: webhook ? secret : null,
        signingSecret,
        take(body) {
          const incoming = readWebhook(body, now());
          for (const one of incoming) if (one.kind === 'ignored') options.metrics.event('other', 'ignored');
          return take(incoming.filter(isFact));
        },
      });
    },
    async watcher({ provider }) {
      return (await import('./adapters/wassenger/watcher.ts')).wassengerWatcher({ ...provider, now });
    },
    async probe(url) {
      return (await import('./adapters/wassenger/probe.ts')).probe(url, stores().provider.timeoutMs);
    },
    async messageText(argument, flag) {
      return (await import('./adapters/liquid/read-template.ts')).readTemplate(argument, flag);
    },
    async template(text, what) {
      return (await import('./adapters/liquid/template.ts')).compileTemplate(text, what);
    },
    async number(text, country) {
      const { readCountry, readNumber } = await import('./adapters/csv/number.ts');
      return readNumber(text, country === undefined ? undefined : readCountry(country));
    },
    async people(options) {
      return (await import('./adapters/csv/people.ts')).checkPeople(options);
    },
    report: once(async () => {
      const { makeReport } = await import('./adapters/terminal/report.ts');
      const live = outside.env.TERM !== 'dumb';
      const report = makeReport({
        ...outside,
        json: flags.json === true,
        quiet: flags.quiet === true,
        color: wantsColor(flags, outside),
        live,
        now,
      });
      shown = report;
      closers.push(async () => report.close());
      return report;
    }),
    leave(exitCode) {
      shown?.close();
      outside.leave(exitCode);
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close().catch(() => undefined);
    },
  };
}

const FAULTS_ARE_FOR_THE_SANDBOX = [
  '--fault is for the sandbox, and without --sandbox the messages go to people',
  'Add --sandbox, or leave --fault out.',
] as const;

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
