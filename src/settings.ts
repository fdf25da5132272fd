import * as z from 'zod/mini';
import { COURTESY, readStopWords, STOP_WORDS } from './core/stop-words.ts';

/** The settings file that is read where none is named. */
export const ENV_FILE = '.env';

/** One thing that can be configured: where it is said, what it means, what is allowed. */
export interface Setting {
  variable: string;
  /** The flag of run, resume and retry that says the same, where there is one. */
  flag: string | null;
  /** As it would be written in `.env`; empty when there is none. */
  fallback: string;
  /** What a value may be, in words that follow "allowed: ". */
  allowed: string;
  about: string;
  schema: z.ZodMiniType<string | number, string>;
  secret?: boolean;
  /** What cannot be done without it. */
  needed?: 'send' | 'webhook';
}

/** How a provider is configured. */
export interface ProviderSettings {
  /** As people know it; `WSEND_PROVIDER` may spell it with small letters. */
  name: string;
  /** Its own settings, beside those that count for every provider. */
  settings: Record<string, Setting>;
  /** Which line is sent on, and where its API is, by the values of these settings. */
  place(values: Record<string, string>): { line: string; baseUrl: string };
}

const number = z.pipe(z.string().check(z.regex(/^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/)), z.transform(Number));
/** What a number with decimals says of them: `3,5` is a frequent mistake. */
export const DECIMALS = ', decimals with a point (2.5)';
/** A number within bounds, which its words and its check share. */
const decimal = (least: number, most: number, { unit = 'seconds', more = '' } = {}) => ({
  allowed: `${unit} from ${least} to ${most}${DECIMALS}${more}`,
  schema: z.pipe(number, z.number().check(z.gte(least), z.lte(most))),
});
/** A whole number within bounds, in the same way. */
const whole = (least: number, most: number, { unit = 'a whole number', more = '' } = {}) => ({
  allowed: `${unit} from ${least} to ${most}${more}`,
  schema: z.pipe(number, z.int().check(z.gte(least), z.lte(most))),
});
const url = (...protocols: string[]) =>
  z.string().check(z.refine((text) => protocols.some((protocol) => text.startsWith(protocol)) && URL.canParse(text)));

/** A day: no delay, pause or wait is longer. */
const DAY_SECONDS = 86_400;

/** Batches outside this range are allowed, with a warning. */
export const ADVISED_BATCH = { least: 25, most: 100 } as const;
const ADVICE = `${ADVISED_BATCH.least} to ${ADVISED_BATCH.most} advised`;

/** The delay of a real line, unless its bounds are set otherwise. */
const SHORTEST_DELAY = 2;
const LONGEST_DELAY = 10;

/** Where Wassenger is, as whom it is called, and how it calls us. */
export const WASSENGER_SETTINGS = {
  apiKey: {
    variable: 'WASSENGER_API_KEY',
    flag: null,
    fallback: '',
    allowed: 'the key from the Wassenger console, without spaces',
    about: 'API key of the Wassenger account.',
    schema: z.string().check(z.regex(/^\s*((Token|Bearer)\s+)?[\x21-\x7e]{8,500}\s*$/i)),
    secret: true,
    needed: 'send',
  },
  device: {
    variable: 'WASSENGER_DEVICE_ID',
    flag: null,
    fallback: '',
    allowed: '24 hexadecimal digits',
    about: 'The line to send on: the id of the device in the Wassenger console.',
    schema: z.string().check(z.regex(/^[0-9a-f]{24}$/i)),
    needed: 'send',
  },
  baseUrl: {
    variable: 'WASSENGER_BASE_URL',
    flag: null,
    fallback: 'https://api.wassenger.com/v1',
    allowed: 'an http:// or https:// address',
    about: 'Where the API is.',
    schema: url('http://', 'https://'),
  },
  retries: {
    variable: 'WASSENGER_RETRIES',
    flag: null,
    fallback: '3',
    about: 'How often Wassenger itself tries to deliver an accepted message. Its own default is 25 times, over several hours.',
    ...whole(0, 100),
  },
  webhookSecret: {
    variable: 'WASSENGER_WEBHOOK_SECRET',
    flag: null,
    fallback: '',
    allowed: '16 to 200 letters, digits, - or _',
    about:
      'The last part of the address that the provider calls: choose one that is hard to guess. Anyone who knows it can report replies.',
    schema: z.string().check(z.regex(/^[\w-]{16,200}$/)),
    secret: true,
    needed: 'webhook',
  },
  signingSecret: {
    variable: 'WASSENGER_SIGNING_SECRET',
    flag: null,
    fallback: '',
    allowed: '8 to 500 characters',
    about: 'Where it is set, a webhook call without a valid signature is refused.',
    schema: z.string().check(z.minLength(8), z.maxLength(500)),
    secret: true,
  },
} as const satisfies Record<string, Setting>;

/** What counts for every provider. The names are older than the second one. */
export const COMMON_SETTINGS = {
  provider: {
    variable: 'WSEND_PROVIDER',
    flag: null,
    fallback: 'wassenger',
    allowed: 'the name of a provider: wassenger',
    about: 'The provider that messages are sent through.',
    schema: z.string(),
  },
  delay: {
    variable: 'WASSENGER_RATE_LIMIT_SECONDS',
    flag: '--delay',
    fallback: '3',
    ...decimal(0, DAY_SECONDS),
    allowed: `${delayAllowed(SHORTEST_DELAY, LONGEST_DELAY, '; from 0 with --sandbox')}${DECIMALS}`,
    about: 'D: seconds between the starts of two sends on the line.',
  },
  batchSize: {
    variable: 'WASSENGER_BATCH_SIZE',
    flag: '--batch-size',
    fallback: '75',
    about: 'B: sends per batch.',
    ...whole(1, 100_000, { more: ` (${ADVICE})` }),
  },
  batchPause: {
    variable: 'WASSENGER_BATCH_PAUSE_SECONDS',
    flag: '--batch-pause',
    fallback: '30',
    about: 'P: seconds of rest after a batch.',
    ...decimal(0, DAY_SECONDS),
  },
  concurrency: {
    variable: 'WASSENGER_CONCURRENCY',
    flag: '--concurrency',
    fallback: '4',
    about: 'Most calls in flight at once on the line: a slow answer does not stretch the pace.',
    ...whole(1, 256),
  },
  minDelay: {
    variable: 'WASSENGER_MIN_DELAY_SECONDS',
    flag: null,
    fallback: String(SHORTEST_DELAY),
    about: 'The shortest delay allowed, configured or adjusted.',
    ...decimal(0, DAY_SECONDS),
  },
  maxDelay: {
    variable: 'WASSENGER_MAX_DELAY_SECONDS',
    flag: null,
    fallback: String(LONGEST_DELAY),
    about: 'The longest delay allowed, configured or adjusted.',
    ...decimal(0, DAY_SECONDS),
  },
  maxAttempts: {
    variable: 'MAX_RETRY_ATTEMPTS',
    flag: null,
    fallback: '3',
    about: 'Attempts per message, the first included.',
    ...whole(1, 10),
  },
  retryBase: {
    variable: 'RETRY_BASE_DELAY_SECONDS',
    flag: null,
    fallback: '60',
    about: 'Wait after the first failed attempt; it doubles with each further one.',
    ...decimal(0, 3_600),
  },
  timeout: {
    variable: 'WASSENGER_TIMEOUT_SECONDS',
    flag: null,
    fallback: '30',
    about: 'Longest time for one call of the API.',
    ...decimal(0.05, 600),
  },
  lookup: {
    variable: 'WASSENGER_LOOKUP_SECONDS',
    flag: null,
    fallback: '10',
    about: 'How long wsend looks for a reference at the provider before it counts as absent.',
    ...decimal(0, 600),
  },
  askEvery: {
    variable: 'WASSENGER_DEVICE_CHECK_SECONDS',
    flag: null,
    fallback: '60',
    about: 'How often a run asks for the state of the device while it sends.',
    ...decimal(0, DAY_SECONDS, { more: '; 0: only before the first send, and when something is wrong' }),
  },
  queueLimit: {
    variable: 'WASSENGER_QUEUE_LIMIT',
    flag: null,
    fallback: '',
    about: "Most messages that may wait in the device's own queue. A run checks it before each batch, and waits while it is full.",
    ...whole(0, 100_000, { more: '; 0: no limit; empty: as many as a batch' }),
  },
  lookupRate: {
    variable: 'WASSENGER_LOOKUPS_PER_SECOND',
    flag: null,
    fallback: '5',
    about:
      'How many messages a second are looked up by reference. The provider documents no limit; a third party names 600 calls a minute.',
    ...decimal(0.1, 1_000, { unit: 'look-ups per second' }),
  },
  webhookUrl: {
    variable: 'WASSENGER_WEBHOOK_URL',
    flag: null,
    fallback: '',
    allowed: 'an http:// or https:// address, without the secret',
    about: 'The address under which the provider reaches wsend listen; wsend doctor tries it.',
    schema: url('http://', 'https://'),
  },
  stopWords: {
    variable: 'WASSENGER_STOP_WORDS',
    flag: null,
    fallback: STOP_WORDS.join(','),
    allowed: 'words with commas between them',
    about: 'A reply of one of these words, with or without courtesy words, puts the person on the opt-out list.',
    schema: z.string().check(z.refine((text) => readStopWords(text).length > 0)),
  },
  courtesyWords: {
    variable: 'WASSENGER_COURTESY_WORDS',
    flag: null,
    fallback: COURTESY.join(','),
    allowed: 'words with commas between them',
    about: 'Words that may stand before and after a stop word without changing its meaning.',
    schema: z.string().check(z.refine((text) => readStopWords(text).length > 0)),
  },
  sameTextDays: {
    variable: 'WSEND_SAME_TEXT_DAYS',
    flag: null,
    fallback: '7',
    about: 'For this many days a person does not get the same text again from another campaign, unless you ask for it.',
    ...whole(0, 365, { unit: 'a whole number of days', more: '; 0: no check' }),
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    flag: null,
    fallback: 'sqlite:wsend.db',
    allowed: 'sqlite:<file>, postgres://… or mysql://…',
    about: 'Where campaigns, contacts and messages are.',
    schema: z.string().check(z.regex(/^(sqlite:.+|(postgres(ql)?|mysql|mariadb):\/\/.+)$/)),
    secret: true,
  },
  redisUrl: {
    variable: 'REDIS_URL',
    flag: null,
    fallback: '',
    allowed: 'redis://… or rediss://…, or empty to keep checkpoints in the database',
    about: 'Where checkpoints are. Empty: in the database.',
    schema: url('redis://', 'rediss://'),
    secret: true,
  },
  sandboxFile: {
    variable: 'WSEND_SANDBOX_FILE',
    flag: null,
    fallback: 'wsend-sandbox.db',
    allowed: 'a path of a file',
    about: 'The SQLite file in which rehearsals (--sandbox) are kept, apart from everything else.',
    schema: z.string().check(z.regex(/^(?![a-z][a-z0-9+]+:)(?=.*\S)/i)),
  },
  debugFile: {
    variable: 'WSEND_DEBUG',
    flag: null,
    fallback: '',
    allowed: 'a path of a file',
    about: 'A file to which calls, steps of checkpoints and leases are written, for finding faults; see docs/debugging.md.',
    schema: z.string().check(z.regex(/\S/)),
  },
} as const satisfies Record<string, Setting>;

/** Everything that can be configured. The only list of it. */
export const SETTINGS = { ...WASSENGER_SETTINGS, ...COMMON_SETTINGS };

/** What is surely meant for wsend. */
export const OURS = /^WASSENGER_/;

/** What a delay may be within its bounds, in words that follow "allowed: ". */
export function delayAllowed(least: number | string, most: number | string, more = ''): string {
  return `${least} to ${most} seconds (WASSENGER_MIN_DELAY_SECONDS to WASSENGER_MAX_DELAY_SECONDS${more})`;
}

export type SettingName = keyof typeof COMMON_SETTINGS;
