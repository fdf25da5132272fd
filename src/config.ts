import type { CampaignSettings } from './core/checkpoint.ts';
import type { Policy } from './core/policy.ts';
import { proxyFor, proxyProblem } from './core/proxy.ts';
import { readStopWords } from './core/stop-words.ts';
import { fromSeconds, type Milliseconds } from './core/units.ts';
import { ConfigurationError } from './errors.ts';
import { misspelt } from './misspelt.ts';
import {
  ADVISED_BATCH,
  DECIMALS,
  delayAllowed,
  ENV_FILE,
  type ProviderSettings,
  COMMON_SETTINGS as SETTINGS,
  type Setting,
  type SettingName,
} from './settings.ts';

/** The layers a value can come from, strongest first. An empty text counts as not given. */
export interface Layers {
  flags: Partial<Record<SettingName, string>>;
  /** What this campaign was last run with by flag. */
  campaign: CampaignSettings;
  env: Record<string, string | undefined>;
  /** The parsed settings file. */
  envFile: Record<string, string | undefined>;
  /** Its path as given; `.env` unless another was named. */
  envFileName?: string | undefined;
}

/** What the configuration is for: only a real send needs key and device, and the sandbox has no shortest delay. */
export type Purpose = 'send' | 'sandbox' | 'look';

export interface Config {
  policy: Policy;
  /** `values`: what the provider's own settings say, as texts. */
  provider: {
    name: string;
    values: Record<string, string>;
    line: string;
    baseUrl: string;
    timeoutMs: Milliseconds;
    lookUpsPerSecond: number;
  };
  /** Where the provider reaches `listen`, or null; and the settings that lack before it can call. */
  webhook: { url: string | null; missing: Setting[] };
  stopWords: string[];
  /** What may stand around a stop word. */
  courtesy: string[];
  /** For how many days the same text is not sent to the same person again. */
  sameTextDays: number;
  databaseUrl: string;
  redisUrl: string | null;
  /** The SQLite file in which rehearsals are kept. */
  sandboxFile: string;
  /** Where the debug log goes, or null. */
  debugFile: string | null;
  /** What is allowed but unwise. */
  warnings: string[];
}

interface Value {
  /** Null when what was seen is not allowed. */
  value: string | number | null;
  /** As it was written. */
  seen: string;
  /** Where, as the person knows it: a flag, the environment, `.env`. */
  source: string;
}

/** Resolves every setting, those of the provider that is wanted included. Throws one ConfigurationError that names every problem: the variable and the flag, the value seen, what is allowed. */
export function resolveConfig(layers: Layers, purpose: Purpose, providers: readonly ProviderSettings[]): Config {
  const { envFileName = ENV_FILE } = layers;
  const values = valuesOf(SETTINGS, layers);
  const wanted = values.provider.seen.trim().toLowerCase();
  const provider = providers.find(({ name }) => name.toLowerCase() === wanted) ?? NOBODY;
  if (provider === NOBODY) values.provider.value = null;
  const own = valuesOf(provider.settings, layers);
  const allowed = (name: string) => {
    if (name === 'provider') return providers.map(({ name }) => name.toLowerCase()).join(', ');
    return name === 'delay' ? delayAllowedNow(values, purpose) : undefined;
  };
  const problems = [...refused(provider.settings, own), ...refused(SETTINGS, values, allowed)];
  const warnings = [...misspelt(layers.env, layers.envFile, envFileName), ...fitRemembered(values, purpose)];
  for (const { between, check } of RULES) {
    if (between.every((name) => values[name].value !== null)) problems.push(...check(values, purpose));
  }
  problems.push(...shownSecrets(values.webhookUrl, own, provider));
  if (purpose === 'send')
    problems.push(...lacking(own, provider, 'send').map((setting) => `${missing(setting)} (or use --sandbox to try without)`));
  const texts = Object.fromEntries(Object.entries(own).map(([name, { value }]) => [name, String(value).trim()]));
  const place = provider.place(texts);
  if (purpose === 'send') problems.push(...checkProxy(place.baseUrl, { ...layers.envFile, ...layers.env }));
  if (problems.length > 0)
    throw new ConfigurationError(
      problems,
      `Correct it in the environment, in ${envFileName}, or by flag; docs/configuration.md lists every setting.`,
    );
  const { timeout, lookupRate, webhookUrl } = values;
  return toConfig(values, purpose, {
    warnings,
    provider: {
      ...{ name: provider.name, values: texts, ...place },
      ...{ timeoutMs: fromSeconds(Number(timeout.value)), lookUpsPerSecond: Number(lookupRate.value) },
    },
    webhook: { url: String(webhookUrl.value).trim().replace(/\/+$/, '') || null, missing: lacking(own, provider, 'webhook') },
  });
}

/** In place of a provider that is not known: nothing more is said of its settings. */
const NOBODY: ProviderSettings = { name: '', settings: {}, place: () => ({ line: '', baseUrl: '' }) };

/** What each setting is. */
function valuesOf<Name extends string>(settings: Record<Name, Setting>, layers: Layers): Record<Name, Value> {
  const values = {} as Record<Name, Value>;
  for (const name of Object.keys(settings) as Name[]) {
    const setting = settings[name];
    const { text, source } = lookUp(name, setting, layers);
    // An empty text is a value only where there need not be one: `--concurrency "$unset"` is a mistake.
    const parsed = text === '' && setting.fallback === '' ? null : setting.schema.safeParse(text);
    values[name] = { value: parsed === null ? '' : parsed.success ? parsed.data : null, seen: text, source };
  }
  return values;
}

/** A problem for each that is not allowed. `allowed` says what is, where that is not what the setting says. */
function refused(
  settings: Record<string, Setting>,
  values: Own,
  allowed: (name: string) => string | undefined = () => undefined,
): string[] {
  return Object.entries(settings).flatMap(([name, setting]) => {
    const { value, seen, source } = values[name] as Value;
    return value === null ? [problem(setting, seen, source, allowed(name) ?? setting.allowed)] : [];
  });
}

/** What a delay may be now: its bounds are settings themselves. */
function delayAllowedNow(values: Record<SettingName, Value>, purpose: Purpose): string | undefined {
  const bounds = boundsOf(values, purpose);
  return bounds === null ? undefined : `${delayAllowed(bounds.least, bounds.most)}${DECIMALS}`;
}

/** The shortest and the longest delay in seconds; null where one of the two cannot be used, or they contradict each other. */
function boundsOf({ minDelay, maxDelay }: Record<SettingName, Value>, purpose: Purpose): { least: number; most: number } | null {
  if (minDelay.value === null || maxDelay.value === null || Number(minDelay.value) > Number(maxDelay.value)) return null;
  return { least: purpose === 'sandbox' ? 0 : Number(minDelay.value), most: Number(maxDelay.value) };
}

/** A proxy between here and the provider that cannot be used is no reason to go round it unseen. */
function checkProxy(address: string, env: Layers['env']): string[] {
  const proxy = proxyFor(address, env);
  const why = proxy && proxyProblem(proxy);
  return why === null ? [] : [`${proxy?.variable} ${why}`];
}

/** Where a setting comes from that was given by flag when the campaign was run before. */
const REMEMBERED = 'the setting that this campaign was run with';

function lookUp(
  name: string,
  { variable, flag, fallback }: Setting,
  { flags, campaign, env, envFile, envFileName = ENV_FILE }: Layers,
): { text: string; source: string } {
  const given = flags[name as SettingName];
  const remembered = campaign[name as keyof CampaignSettings];
  if (given !== undefined) return { text: given, source: flag ?? '' };
  if (remembered !== undefined) return { text: String(remembered), source: REMEMBERED };
  if (env[variable]) return { text: env[variable], source: 'the environment' };
  if (envFile[variable]) return { text: envFile[variable], source: envFileName };
  return { text: fallback, source: 'the default' };
}

/**
 * A remembered delay that the bounds of today do not allow becomes the nearest that they do, in a warning: a person who waits for Message 2 could not
 * correct it. One that is asked for now is refused.
 */
function fitRemembered({ delay, minDelay, maxDelay }: Record<SettingName, Value>, purpose: Purpose): string[] {
  const [least, most] = [purpose === 'sandbox' ? 0 : Number(minDelay.value), Number(maxDelay.value)];
  if (delay.source !== REMEMBERED || delay.value === null || minDelay.value === null || maxDelay.value === null || least > most) return [];
  const nearest = Math.min(Math.max(Number(delay.value), least), most);
  if (nearest === Number(delay.value)) return [];
  const bounds = `${SETTINGS.minDelay.variable} to ${SETTINGS.maxDelay.variable}`;
  const { seen } = delay;
  Object.assign(delay, { value: nearest, seen: String(nearest) });
  return [
    `this campaign was run with a delay of ${seen} s, and ${least} to ${most} s are allowed now (${bounds}): it continues with ${nearest} s`,
  ];
}

interface Rule {
  between: SettingName[];
  check(values: Record<SettingName, Value>, purpose: Purpose): string[];
}

/** What must hold between settings that are each valid by themselves. */
const RULES: Rule[] = [
  {
    between: ['minDelay', 'maxDelay'],
    check: ({ minDelay, maxDelay }) => {
      if (Number(minDelay.value) <= Number(maxDelay.value)) return [];
      const { variable } = SETTINGS.minDelay;
      return [
        `${variable} is ${minDelay.seen} and ${SETTINGS.maxDelay.variable} is ${maxDelay.seen}; allowed: a minimum that is not above the maximum`,
      ];
    },
  },
  {
    between: ['delay', 'minDelay', 'maxDelay'],
    check: (values, purpose) => {
      const { delay } = values;
      const bounds = boundsOf(values, purpose);
      // Bounds that contradict each other are a problem of their own, and allow no delay at all.
      if (bounds === null || (Number(delay.value) >= bounds.least && Number(delay.value) <= bounds.most)) return [];
      return [problem(SETTINGS.delay, delay.seen, delay.source, delayAllowed(bounds.least, bounds.most))];
    },
  },
];

type Own = Record<string, Value>;

/** The address under which the provider reaches us is shown to whoever asks: no secret may stand in it. */
function shownSecrets({ value }: Value, own: Own, { settings }: ProviderSettings): string[] {
  const isShown = ([name, { value: secret }]: [string, Value]) =>
    settings[name]?.secret && secret && String(value).includes(String(secret));
  const { variable, allowed } = SETTINGS.webhookUrl;
  return Object.entries(own).some(isShown) ? [`${variable} holds the secret; allowed: ${allowed}`] : [];
}

/** The provider's settings without which something cannot be done. */
function lacking(own: Own, { settings }: ProviderSettings, what: Setting['needed']): Setting[] {
  return Object.entries(settings).flatMap(([name, setting]) => (setting.needed === what && own[name]?.value === '' ? [setting] : []));
}

function problem({ variable, flag, secret }: Setting, seen: string, source: string, allowed: string): string {
  const value = secret ? 'set to something else' : `"${seen.replace(/\/\/[^/]*@/, '//…@')}"`;
  return `${flag === null ? variable : `${variable} (${flag})`} is ${value}${source ? ` (from ${source})` : ''}; allowed: ${allowed}`;
}

/** That a setting lacks, and what it may be. */
export function missing({ variable, allowed }: Setting): string {
  return `${variable} is not set; allowed: ${allowed}`;
}

function toConfig(
  values: Record<SettingName, Value>,
  purpose: Purpose,
  { warnings, ...resolved }: Pick<Config, 'provider' | 'webhook' | 'warnings'>,
): Config {
  const num = (name: SettingName) => Number(values[name].value);
  const ms = (name: SettingName) => fromSeconds(num(name));
  const text = (name: SettingName) => String(values[name].value).trim();
  const batchSize = num('batchSize');
  const unwise = batchSize < ADVISED_BATCH.least || batchSize > ADVISED_BATCH.most;
  return Object.freeze({
    policy: {
      pace: { delayMs: ms('delay'), batchSize, batchPauseMs: ms('batchPause') },
      bounds: { minDelayMs: purpose === 'sandbox' ? 0 : ms('minDelay'), maxDelayMs: ms('maxDelay') },
      retry: { maxAttempts: num('maxAttempts'), baseDelayMs: ms('retryBase') },
      concurrency: num('concurrency'),
      lookupMs: ms('lookup'),
      askEveryMs: ms('askEvery'),
      queueLimit: values.queueLimit.value === '' ? batchSize : num('queueLimit'),
    },
    ...resolved,
    stopWords: readStopWords(text('stopWords')),
    courtesy: readStopWords(text('courtesyWords')),
    sameTextDays: num('sameTextDays'),
    databaseUrl: text('databaseUrl'),
    redisUrl: text('redisUrl') || null,
    sandboxFile: text('sandboxFile'),
    debugFile: text('debugFile') || null,
    warnings: [
      ...warnings,
      ...(unwise
        ? [
            `${SETTINGS.batchSize.variable} (--batch-size) is ${batchSize}; ${ADVISED_BATCH.least} to ${ADVISED_BATCH.most} is the advised range`,
          ]
        : []),
    ],
  });
}
