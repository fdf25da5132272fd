import { existsSync } from 'node:fs';
import type { ReadNumber } from './adapters/csv/number.ts';
import type { CheckedPeople, PeopleOptions } from './adapters/csv/people.ts';
import type { Template } from './adapters/liquid/template.ts';
import type { Database } from './adapters/sql/open/sql-database.ts';
import { systemClock } from './adapters/system-clock.ts';
import { oneLine } from './adapters/terminal/terminal-text.ts';
import { type Config, type Purpose, resolveConfig } from './config.ts';
import { identityOf, type MessageType } from './core/campaign.ts';
import { type CampaignSettings, campaignName } from './core/checkpoint.ts';
import { type Fact, isFact, isStrange, type StrangeEvent } from './core/incoming.ts';
import { type NamedProxy, proxyFor } from './core/proxy.ts';
import { UsageError } from './errors.ts';
import { type Flags, readEnvFile, settingFlags, wantsColor } from './flags.ts';
import type { Outside } from './outside.ts';
import type { Clock } from './ports/clock.ts';
import type { Ledger, RecipientReports } from './ports/database.ts';
import type { Entries } from './ports/entries.ts';
import type { Report } from './ports/event-sink.ts';
import type { Inbox, ListenMetrics } from './ports/inbox.ts';
import type { Leases, Processes } from './ports/leases.ts';
import { PATIENCE } from './ports/output.ts';
import type { Provider, Setup, Watcher } from './ports/provider.ts';
import { type Account, PROVIDERS, type ProviderEntry, REHEARSED } from './providers.ts';
import { type CheckpointView, viewOf } from './runs/view.ts';
import { type Data, openData } from './world/data.ts';
import { checkWebhook, openSandbox, type RunningSandbox } from './world/sandbox-world.ts';
import { makeShow, type Show } from './world/show.ts';

/** How the provider's calls are listened for. */
export interface Listening {
  host: string;
  port: number;
  /** False where settings for it lack: then no webhook is offered. */
  webhook: boolean;
  metrics: ListenMetrics;
  take(facts: Fact[]): Promise<void>;
  /** Told of each event that may mean something and cannot be read. */
  strange(event: StrangeEvent): void;
  health(): Promise<string[]>;
}

/** Everything a command may touch. Adapters are loaded and opened on first use. */
export interface World {
  clock: Clock;
  outside: Outside;
  /** A rehearsal: everything is in a world of its own, and nothing in it reaches people. */
  sandbox: boolean;
  /** What this world's configuration is for. */
  purpose: 'send' | 'sandbox';
  /** The provider's name, as people know it. */
  providerName(): string;
  /** A command to be typed next, as it is typed in this world. */
  nextStep(command: string): string;
  /** The configuration for a purpose, read again from the environment and the file. Shows its warnings once. */
  config(purpose: Purpose, campaign?: CampaignSettings): Config;
  data(): Promise<Data>;
  /** The database is a file that is not there yet: there is nothing to be read in it, and reading would make it. */
  isNew(): boolean;
  /** The same, with wsend's own tables made and the right to write everything that a run writes; a UsageError where something lacks. */
  dataToWrite(): Promise<Data>;
  /** Copies a campaign of the operator's database into the sandbox, under the same number and in place of an earlier copy, as known to the lease with that epoch. Only in the sandbox. */
  copyCampaign(campaign: number, epoch: number): Promise<void>;
  /** Copies the operator's list of those who want no messages into the sandbox, where there is one. Only in the sandbox. */
  copyOptOuts(): Promise<void>;
  /** What it holds of our messages, as a ledger. */
  ledger(): Promise<Ledger>;
  recipientReports(): Promise<RecipientReports>;
  /** Makes one line of a CSV file. */
  csvLine(): Promise<(cells: string[]) => string>;
  /** Who may send now. */
  leases(): Promise<Leases>;
  /** Where checkpoints are. */
  entries(): Promise<Entries>;
  /** What a campaign's checkpoint shows to those who only look; makes neither file nor table. */
  view(campaign: number, type?: MessageType): Promise<CheckpointView>;
  processes(): Promise<Processes>;
  /** The line of the configuration (or another `line` of the same account); in the sandbox that of a stand-in inside this process. */
  provider(config: Config, line?: string): Promise<Provider>;
  /** A sandbox that listens for others. `faults` are texts such as `throttle=0.1`. */
  startSandbox(options: {
    port: number;
    file: string | null;
    faults: string[];
    /** Where it tells what happens to messages, and what contacts answer. */
    webhook: string | undefined;
  }): Promise<RunningSandbox>;
  /** Every fault of the sandbox, as JSON and as text. */
  faultList(): Promise<[Record<string, unknown>, string]>;
  /** The text that a flag gives, as it stands or as `@file`. */
  messageText(argument: string, flag: string): Promise<string>;
  /** What the provider reported; makes its tables where they are missing. Rejects with UsageError where they cannot be relied on. */
  inbox(): Promise<Inbox>;
  metrics(inbox: Inbox): Promise<ListenMetrics>;
  /** Listens for the provider until closed. `webhook` is where it calls, as people are told it, or null. */
  listen(options: Listening): Promise<{ url: string; webhook: string | null; close(): Promise<void> }>;
  /** How the line of the configuration is set up; in the sandbox that of its stand-in. Null where the provider tells nothing of it. */
  setup(config: Config): Promise<Setup | null>;
  /** The provider, asked for what its webhook would report; null where it cannot be asked. */
  watcher(config: Config): Promise<Watcher | null>;
  /** The proxy that leads to an address, or null. */
  proxyTo(url: string): NamedProxy | null;
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

/** `providers` has every provider that can be wanted. */
export function openWorld(flags: Flags, outside: Outside, providers: readonly ProviderEntry[] = PROVIDERS): World {
  const closers: (() => Promise<void>)[] = [];
  let shown: { close(): void } | undefined;
  const envFile = () => readEnvFile(flags.envFile);
  const now = systemClock.now;
  const providerName = () => entryOf(stores()).name;
  const show = makeShow(flags, outside, { now, providerName });
  const warned = new Set<string>();

  const config = (purpose: Purpose, campaign: CampaignSettings = {}): Config => {
    const resolved = resolveConfig(
      { flags: settingFlags(flags), campaign, env: outside.env, envFile: envFile(), envFileName: flags.envFile },
      purpose,
      providers,
    );
    for (const warning of resolved.warnings) if (!warned.has(warning)) outside.stderr.write(`wsend: warning: ${oneLine(warning)}\n`);
    for (const warning of resolved.warnings) warned.add(warning);
    return resolved;
  };

  const proxyTo = (url: string) => proxyFor(url, { ...envFile(), ...outside.env });

  const sandbox = flags.sandbox === true;
  const nextStep = (command: string) => (sandbox ? `${command} --sandbox` : command);
  /** Where things are kept has nothing to do with the shortest delay of a real line. The sandbox keeps everything in a file of its own. */
  const stores = () => {
    const resolved = config('sandbox');
    return sandbox ? { ...resolved, databaseUrl: `sqlite:${resolved.sandboxFile}`, redisUrl: null } : resolved;
  };
  const database = once(async () => {
    const { openDatabase } = await import('./adapters/sql/open/sql-database.ts');
    const opened = await openDatabase(stores().databaseUrl, { now, rehearsals: sandbox });
    closers.push(() => opened.close());
    return opened;
  });
  /** The operator's database, open for as long as a rehearsal copies from it. */
  const reading = async (copy: (from: Database) => Promise<void>) => {
    const { openDatabase } = await import('./adapters/sql/open/sql-database.ts');
    const from = await openDatabase(config('sandbox').databaseUrl, { now, readOnly: true });
    await copy(from).finally(() => from.close());
  };
  const data = once(async () => openData(await database()));
  /** Null unless WSEND_DEBUG names a file. Asked for before what it is to tell of. */
  const debugLog = once(async () => {
    const { debugFile } = stores();
    if (debugFile === null) return null;
    const log = (await import('./world/debug-log.ts')).openDebugLog(debugFile, now);
    closers.push(async () => log.close());
    return log;
  });
  const leases = once(async () => {
    const log = await debugLog();
    const open = (await import('./adapters/sql/leases/sql-leases.ts')).leases(await database());
    return log?.leases(open) ?? open;
  });
  const entries = once(async () => {
    const log = await debugLog();
    const { redisUrl } = stores();
    const store =
      redisUrl === null
        ? (await import('./adapters/sql/entries/sql-entries.ts')).sqlEntries(await database())
        : (await import('./adapters/redis/redis-entries.ts')).redisEntries(redisUrl);
    closers.push(() => store.close());
    return log?.entries(store) ?? store;
  });

  const opened = new Map<string, Promise<Provider>>();
  const openProvider = async (config: Config, line: string | undefined): Promise<Provider> => {
    if (flags.fault !== undefined && !sandbox) throw new UsageError(...FAULTS_ARE_FOR_THE_SANDBOX);
    const account = await accountOf(config);
    const open = await entryOf(config).open({ ...account, line: line ?? account.line });
    closers.push(() => open.close());
    return open;
  };
  /** The stand-in of a rehearsal, inside this process; its messages are in the sandbox's file. */
  const openStandIn = once(async () => {
    const { db } = await database();
    const { controlUrl, settings } = await openSandbox({ port: 0, db: db as never, faults: flags.fault ?? [] }, closers);
    show.aside(`watch it on ${controlUrl}/ while this runs`);
    return settings;
  });

  const entryOf = ({ provider }: Config) => (sandbox ? REHEARSED : (providers.find(({ name }) => name === provider.name) as ProviderEntry));
  const accountOf = async (config: Config): Promise<Account> => {
    await debugLog();
    const { values, timeoutMs, lookUpsPerSecond } = config.provider;
    const own = sandbox ? { ...values, ...(await openStandIn()) } : values;
    const place = entryOf(config).place(own);
    const proxy = proxyTo(place.baseUrl)?.url ?? null;
    return { ...place, values: own, timeoutMs, lookUpsPerSecond: sandbox ? SANDBOX_LOOK_UPS : lookUpsPerSecond, proxy, now };
  };

  const providerOf = (config: Config, line?: string): Promise<Provider> => {
    const name = line ?? '';
    const open = opened.get(name) ?? openProvider(config, line);
    opened.set(name, open);
    return open;
  };

  return {
    clock: systemClock,
    outside,
    sandbox,
    purpose: sandbox ? 'sandbox' : 'send',
    providerName,
    nextStep,
    config,
    show,
    data,
    isNew: () => !isThere(stores().databaseUrl),
    async dataToWrite() {
      const { ownTables, fitness } = await data();
      await ownTables.migrate();
      await fitness.require('sending');
      return data();
    },
    async copyCampaign(campaign, epoch) {
      const { copyCampaign } = await import('./adapters/sql/stores/copy-campaign.ts');
      await reading(async (from) => copyCampaign({ from, to: await database(), campaign, epoch }));
    },
    async copyOptOuts() {
      if (!isThere(config('sandbox').databaseUrl)) return;
      const { copyOptOuts } = await import('./adapters/sql/stores/copy-opt-outs.ts');
      await reading(async (from) => copyOptOuts({ from, to: await database() }));
    },
    ledger: once(async () => (await import('./adapters/sql/stores/ledger.ts')).ledger(await database())),
    recipientReports: async () => (await import('./adapters/sql/stores/recipient-reports.ts')).recipientReports(await database()),
    csvLine: async () => (await import('./adapters/csv/cells.ts')).csvLine,
    leases,
    entries,
    async view(campaign, type = 'message_1') {
      const name = campaignName(campaign, type);
      const { campaigns } = await data();
      const [standings, kept, found] = await Promise.all([
        (await leases()).look([name]),
        (await entries()).view(name),
        campaigns.find(campaign),
      ]);
      return viewOf(standings.get(name), kept, found === undefined ? null : identityOf(found));
    },
    processes: once(async () => (await import('./adapters/process/processes.ts')).processes()),
    provider: providerOf,
    async startSandbox({ port, file, ...rest }) {
      if (rest.webhook !== undefined) await checkWebhook(rest.webhook);
      const { openSqlite } = await import('./adapters/sql/open/sqlite.ts');
      const db = file === null ? null : openSqlite<never>(file);
      if (db !== null) closers.push(() => db.destroy());
      return openSandbox({ port, db, ...rest }, closers);
    },
    async faultList() {
      const { FAULT_OPTIONS } = await import('./sandbox/faults.ts');
      const lines = FAULT_OPTIONS.map(({ name, argument, help, off }) => `  ${`${name}=${argument}`.padEnd(34)} ${help} (off: ${off})\n`);
      return [{ type: 'faults', faults: FAULT_OPTIONS }, `Faults of the sandbox, for --fault <name=value>:\n${lines.join('')}`];
    },
    async inbox() {
      const [{ openInbox }, { textWriter }] = await Promise.all([
        import('./adapters/sql/inbox/sql-inbox.ts'),
        import('./adapters/liquid/write-text.ts'),
      ]);
      const { ownTables, fitness } = await data();
      await ownTables.migrate();
      await fitness.require('listening');
      const { stopWords: words, courtesy } = stores();
      return openInbox(await database(), { stop: { words, courtesy }, write: textWriter('Message 2') });
    },
    async metrics(inbox) {
      const { listenMetrics } = await import('./adapters/web/metrics.ts');
      return listenMetrics(async () => {
        const { waiting, oldest } = await inbox.depth();
        return { waiting, oldestSeconds: oldest === null ? 0 : (now() - oldest) / 1_000 };
      });
    },
    async listen({ webhook, take, strange, ...options }) {
      const { startWeb } = await import('./adapters/web/webhook-server.ts');
      const config = stores();
      const calls = webhook ? await entryOf(config).webhook(config.provider.values) : null;
      const web = await startWeb({
        ...options,
        webhook: calls,
        async take(body) {
          const incoming = calls?.read(body, now()) ?? [];
          for (const one of incoming) if (one.kind === 'ignored') options.metrics.event('other', 'ignored');
          await take(incoming.filter(isFact));
          const unread = incoming.filter(isStrange);
          for (const one of unread) strange(one);
          return unread[0]?.reason ?? null;
        },
      });
      return { ...web, webhook: calls?.shown ?? null };
    },
    setup: async (config) => (await entryOf(config).setup?.(await accountOf(config))) ?? null,
    watcher: async (config) => (await entryOf(config).watcher?.(await accountOf(config))) ?? null,
    proxyTo,
    async probe(url) {
      await debugLog();
      const config = stores();
      return entryOf(config).probe(url, config.provider.timeoutMs, proxyTo(url)?.url ?? null);
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
      const { makeReport } = await import('./adapters/terminal/report-lines.ts');
      const live = outside.env.TERM !== 'dumb';
      const report = makeReport({
        ...outside,
        json: flags.json === true,
        quiet: flags.quiet === true,
        color: wantsColor(flags, outside),
        live,
        now,
        sandbox,
        provider: providerName(),
      });
      shown = report;
      closers.push(async () => {
        report.close();
        // What is kept for a run must not be kept from its end.
        await outside.stdout.settled(PATIENCE);
      });
      return {
        tell: (event) => report.tell(event.type === 'summary' && event.next !== null ? { ...event, next: nextStep(event.next) } : event),
      };
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

/** False of an SQLite file that was not made yet. */
function isThere(databaseUrl: string): boolean {
  const path = /^sqlite:(?:\/\/)?(.*)$/.exec(databaseUrl)?.[1];
  return path === undefined || existsSync(path);
}

/** Look-ups in a second: the sandbox is on this machine. */
const SANDBOX_LOOK_UPS = 200;

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
