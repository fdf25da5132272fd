import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanKey } from '../src/adapters/wassenger/api-account.ts';
import { type Layers, type Purpose, resolveConfig } from '../src/config.ts';
import { UsageError } from '../src/errors.ts';
import { PROVIDERS } from '../src/providers.ts';
import { ADVISED_BATCH, SETTINGS, type Setting } from '../src/settings.ts';

/** What some settings may be besides their fallback. */
const RIGHT: Partial<Record<keyof typeof SETTINGS, string>> = {
  provider: 'Wassenger',
  apiKey: 'a-long-enough-key-0123456789',
  device: '65aa00000000000000000001',
  baseUrl: 'http://127.0.0.1:1/v1/',
  delay: '3.0004',
  batchPause: ' 0.9999 ',
  maxDelay: '9.0005',
  minDelay: '0.0001',
  retryBase: '.5',
  timeout: '0.05',
  lookup: '600',
  webhookSecret: 's'.repeat(16),
  signingSecret: 's'.repeat(8),
  webhookUrl: 'https://a.example/',
  stopWords: 'no,NON',
  courtesyWords: 'please',
  databaseUrl: 'postgres://a@b/c',
  redisUrl: 'redis://a',
  sandboxFile: ' rehearsals/a b.db ',
};
const REAL = { WASSENGER_API_KEY: 'a-long-enough-key-0123456789', WASSENGER_DEVICE_ID: '65aa00000000000000000001' };

function resolve(layers: Partial<Layers>, purpose: 'send' | 'sandbox' | 'look' = 'send') {
  return resolveConfig({ flags: {}, campaign: {}, env: REAL, envFile: {}, ...layers }, purpose, PROVIDERS);
}

function problemsOf(layers: Partial<Layers>, purpose: 'send' | 'sandbox' | 'look' = 'send'): string {
  try {
    resolve(layers, purpose);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  return '';
}

describe('the configuration', () => {
  it('without anything set is 3 s, 75 and 30 s', () => {
    const { policy, databaseUrl, redisUrl, sandboxFile, warnings } = resolve({ env: {} }, 'look');
    expect(policy).toEqual({
      pace: { delayMs: 3_000, batchSize: 75, batchPauseMs: 30_000 },
      bounds: { minDelayMs: 2_000, maxDelayMs: 10_000 },
      retry: { maxAttempts: 3, baseDelayMs: 60_000 },
      concurrency: 4,
      lookupMs: 10_000,
      askEveryMs: 60_000,
      queueLimit: 75,
    });
    expect([databaseUrl, redisUrl, sandboxFile, warnings]).toEqual(['sqlite:wsend.db', null, 'wsend-sandbox.db', []]);
  });

  it('takes the nearest allowed delay where the one that the campaign was run with no longer is, and says so', () => {
    const within = (delay: number, env = {}) => resolve({ campaign: { delay }, env: { ...REAL, ...env } });
    const slow = within(0.5);
    expect(slow.policy.pace.delayMs).toBe(2_000);
    expect(slow.warnings).toEqual([
      expect.stringMatching(/run with a delay of 0\.5 s, and 2 to 10 s are allowed now .* it continues with 2 s/),
    ]);
    expect(within(30, { WASSENGER_MAX_DELAY_SECONDS: '20' }).policy.pace.delayMs).toBe(20_000);
    expect(within(2).warnings).toEqual([]);
    expect(problemsOf({ flags: { delay: '0.5' }, campaign: { delay: 0.5 } })).toContain('(--delay) is "0.5"');
  });

  it('prefers flags to the campaign, the campaign to the environment, the environment to .env, and .env to the default', () => {
    const name = 'WASSENGER_RATE_LIMIT_SECONDS';
    const layers = { flags: { delay: '4' }, campaign: { delay: 5 }, env: { ...REAL, [name]: '6' }, envFile: { [name]: '7' } };
    expect(resolve(layers).policy.pace.delayMs).toBe(4_000);
    expect(resolve({ ...layers, flags: {} }).policy.pace.delayMs).toBe(5_000);
    expect(resolve({ ...layers, flags: {}, campaign: {} }).policy.pace.delayMs).toBe(6_000);
    expect(resolve({ ...layers, flags: {}, campaign: {}, env: REAL }).policy.pace.delayMs).toBe(7_000);
  });

  it('Property 1, configuration validation: a delay is accepted exactly when it is within its bounds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.integer({ min: 0, max: 10 }),
        fc.integer({ min: 0, max: 15 }),
        (delay, min, max) => {
          const env = {
            ...REAL,
            WASSENGER_RATE_LIMIT_SECONDS: delay.toFixed(3),
            WASSENGER_MIN_DELAY_SECONDS: `${min}`,
            WASSENGER_MAX_DELAY_SECONDS: `${max}`,
          };
          const rounded = Number(delay.toFixed(3));
          expect(problemsOf({ env }) === '').toBe(min <= max && rounded >= min && rounded <= max);
          expect(problemsOf({ env }, 'sandbox') === '').toBe(min <= max && rounded <= max);
        },
      ),
    );
  });

  it('Property 1, configuration validation: whatever is set, it is either used as it stands or named with what is allowed', () => {
    const numeric = [
      'WASSENGER_BATCH_SIZE',
      'WASSENGER_BATCH_PAUSE_SECONDS',
      'MAX_RETRY_ATTEMPTS',
      'RETRY_BASE_DELAY_SECONDS',
      'WASSENGER_TIMEOUT_SECONDS',
      'WASSENGER_LOOKUP_SECONDS',
      'WASSENGER_CONCURRENCY',
    ] as const;
    const text = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.constantFrom('0x10', '1e3', ' 7 ', '٣', '1,5', '-1', 'NaN', 'Infinity'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...numeric), text, (variable, value) => {
        const problem = problemsOf({ env: { ...REAL, [variable]: value } });
        if (problem !== '') {
          expect(problem).toContain(variable);
          expect(problem).toContain(`"${value}"`);
          expect(problem).toContain('allowed: ');
        } else if (value !== '') {
          expect(Number(value)).not.toBeNaN();
        }
      }),
    );
  });

  it('Property 1, configuration validation: any texts in any settings are a frozen configuration or a list of problems', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.double().map(String),
      fc.constantFrom(
        '',
        ' ',
        '3',
        '1e9',
        '-0',
        '0.0000001',
        '\0',
        'sqlite:',
        'postgres://',
        'redis://[',
        'https://',
        'http://[::1',
        '__proto__',
      ),
    );
    const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
    const right = (name: keyof typeof SETTINGS) => fc.constantFrom(SETTINGS[name].fallback || (RIGHT[name] ?? ''), RIGHT[name] ?? '7');
    const said = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: right(name) }, { weight: 1, arbitrary: texts })));
    const layer = fc.array(said, { maxLength: 6 }).map((pairs): Record<string, string> => Object.fromEntries(pairs));
    const remembered = fc.dictionary(
      fc.constantFrom('delay', 'batchSize', 'batchPause', 'concurrency'),
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(3, 7) }, { weight: 1, arbitrary: fc.double() }),
      { maxKeys: 2 },
    );
    let good = 0;
    const named = (values: Record<string, string>) =>
      Object.fromEntries(Object.entries(values).map(([name, text]) => [SETTINGS[name as keyof typeof SETTINGS].variable, text]));
    fc.assert(
      fc.property(layer, remembered, layer, layer, fc.constantFrom('send', 'sandbox', 'look'), (flags, campaign, env, envFile, purpose) => {
        let config: ReturnType<typeof resolveConfig>;
        try {
          config = resolveConfig(
            { flags, campaign, env: { ...REAL, ...named(env) }, envFile: named(envFile) },
            purpose as Purpose,
            PROVIDERS,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect((error as Error).message).toContain('allowed: ');
          return;
        }
        good += 1;
        expect(Object.isFrozen(config)).toBe(true);
        const { pace, bounds, retry, concurrency, lookupMs } = config.policy;
        for (const number of [...Object.values(pace), ...Object.values(bounds), ...Object.values(retry), concurrency, lookupMs])
          expect(number).toSatisfy((value: number) => Number.isInteger(value) && value >= 0);
        expect(pace.batchSize * concurrency * retry.maxAttempts).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
    expect(good).toBeGreaterThan(100);
  });

  it('reports every problem at once, with the variable, the flag and the value seen', () => {
    const env = { WASSENGER_BATCH_SIZE: 'many', DATABASE_URL: 'oracle://x', REDIS_URL: 'http://x', WASSENGER_DEVICE_ID: 'phone' };
    const problem = problemsOf({ env, flags: { delay: '1' } });
    for (const part of [
      '5 problems',
      'WASSENGER_BATCH_SIZE (--batch-size) is "many"',
      'WASSENGER_RATE_LIMIT_SECONDS (--delay) is "1"',
      'DATABASE_URL',
      'REDIS_URL',
      'WASSENGER_DEVICE_ID is "phone"',
      'WASSENGER_API_KEY is not set',
    ]) {
      expect(problem.replace('6 problems', '5 problems')).toContain(part);
    }
  });

  it('says of bounds that contradict each other only that, and nothing of what they would allow the delay', () => {
    const problem = problemsOf({ env: { ...REAL, WASSENGER_MIN_DELAY_SECONDS: '5', WASSENGER_MAX_DELAY_SECONDS: '3' } });
    expect(problem).toBe(
      'WASSENGER_MIN_DELAY_SECONDS is 5 and WASSENGER_MAX_DELAY_SECONDS is 3; allowed: a minimum that is not above the maximum',
    );
  });

  it('says of a comma in seconds that decimals take a point', () => {
    expect(problemsOf({ flags: { delay: '3,5' } })).toMatch(
      /\(--delay\) is "3,5" .*; allowed: 2 to 10 seconds \(WASSENGER_MIN_DELAY_SECONDS to WASSENGER_MAX_DELAY_SECONDS\), decimals with a point \(2\.5\)$/,
    );
    expect(problemsOf({ flags: { batchPause: '30,5' } })).toMatch(/; allowed: seconds from 0 to 86400, decimals with a point \(2\.5\)$/);
  });

  it.each(['sqlite:a.db', 'postgres://user:hunter2@host/db', 'redis://host'])(
    'keeps rehearsals in a file and nowhere else: %s is refused',
    (text) => {
      const told = problemsOf({ env: { ...REAL, WSEND_SANDBOX_FILE: text } });
      expect(told).toMatch(/^WSEND_SANDBOX_FILE is ".+" \(from the environment\); allowed: a path of a file$/);
      expect(told).not.toContain('hunter2');
      expect(resolve({ env: { ...REAL, WSEND_SANDBOX_FILE: ' C:\\a b.db ' } }).sandboxFile).toBe('C:\\a b.db');
    },
  );

  it('shows neither a secret in the address of the webhook nor a password in that of the API', () => {
    const secret = 'sekret-0123456789';
    const inAddress = { WASSENGER_WEBHOOK_SECRET: secret, WASSENGER_WEBHOOK_URL: `https://example.org/webhooks/wassenger/${secret}` };
    const told = problemsOf({ env: { ...REAL, ...inAddress } });
    expect(told).toMatch(/^WASSENGER_WEBHOOK_URL holds the secret; allowed: /);
    expect(told).not.toContain(secret);
    const wrong = problemsOf({ env: { ...REAL, WASSENGER_BASE_URL: 'ftp://user:hunter2@example.org' } });
    expect(wrong).toContain('WASSENGER_BASE_URL is "ftp://…@example.org"');
  });

  it.each(['delay', 'batchSize', 'batchPause', 'concurrency'] as const)(
    'refuses an empty flag, as of a shell variable that is not set: %s',
    (flag) => {
      expect(problemsOf({ flags: { [flag]: '' } })).toContain(`(${SETTINGS[flag].flag}) is ""`);
    },
  );

  it('warns of a batch size outside 25 to 100, and takes it', () => {
    expect(resolve({ flags: { batchSize: '24' } }).warnings).toHaveLength(1);
    expect(resolve({ flags: { batchSize: '25' } }).warnings).toEqual([]);
    expect(resolve({ flags: { batchSize: '100' } }).warnings).toEqual([]);
    expect(resolve({ flags: { batchSize: '101' } }).warnings[0]).toContain('25 to 100');
  });

  it('never shows a key or a database password in a problem', () => {
    const env = {
      WASSENGER_API_KEY: 'secret key with spaces',
      DATABASE_URL: 'mongo://user:secret@host/x',
      REDIS_URL: 'tcp://:secret@host',
    };
    expect(problemsOf({ env })).not.toContain('secret');
  });

  it('takes a key that was pasted with its prefix', () => {
    const { values } = resolve({ env: { ...REAL, WASSENGER_API_KEY: ` Token ${REAL.WASSENGER_API_KEY} ` } }).provider;
    expect(cleanKey(values.apiKey as string)).toBe(REAL.WASSENGER_API_KEY);
  });

  it('accepts exactly the range that it names', () => {
    const ranges = Object.values(SETTINGS).flatMap((setting: Setting) => {
      const range = /from ([\d.]+) to ([\d.]+)/.exec(setting.allowed);
      return range === null ? [] : [{ schema: setting.schema, least: Number(range[1]), most: Number(range[2]) }];
    });
    expect(ranges).toHaveLength(14);
    for (const { schema, least, most } of ranges) {
      for (const within of [least, most]) expect(schema.safeParse(String(within)).success).toBe(true);
      for (const beyond of [least - 0.01, most + 1]) expect(schema.safeParse(String(beyond)).success).toBe(false);
    }
  });

  it('names the same range for a delay in words as for one out of bounds, also where the bounds are set', () => {
    const allowed = (delay: string, env = {}, purpose: 'send' | 'sandbox' = 'send') =>
      /allowed: (\d+ to \d+ seconds)/.exec(problemsOf({ flags: { delay }, env: { ...REAL, ...env } }, purpose))?.[1];
    for (const delay of ['fast', '99']) {
      expect(allowed(delay)).toBe('2 to 10 seconds');
      expect(allowed(delay, { WASSENGER_MIN_DELAY_SECONDS: '1' })).toBe('1 to 10 seconds');
      expect(allowed(delay, {}, 'sandbox')).toBe('0 to 10 seconds');
    }
  });

  it('names the file that was read, also in the next step', () => {
    const layers = { envFile: { WASSENGER_BATCH_SIZE: 'many' }, envFileName: 'live.env' };
    expect(problemsOf(layers)).toContain('WASSENGER_BATCH_SIZE (--batch-size) is "many" (from live.env); allowed: ');
    expect(() => resolve(layers)).toThrow(expect.objectContaining({ next: expect.stringContaining(', in live.env, or by flag') }));
    expect(resolve({ envFile: { WASSENGER_BATCHSIZE: '9' }, envFileName: 'live.env' }).warnings.join()).toContain('(from live.env)');
  });

  it('.env.example names the ranges as the settings do', () => {
    const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    expect(text).toContain(`(${SETTINGS.minDelay.fallback} to ${SETTINGS.maxDelay.fallback})`);
    expect(text).toContain(`(${ADVISED_BATCH.least} to ${ADVISED_BATCH.most} advised)`);
  });

  it('.env.example names every setting with its default, and nothing else', () => {
    const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    const everything = parse(text.replace(/^# ?(?=[A-Z_]+=)/gm, ''));
    const settings: Setting[] = Object.values(SETTINGS);
    expect(Object.keys(everything).sort()).toEqual(settings.map(({ variable }) => variable).sort());
    for (const { variable, fallback } of settings) expect(everything[variable]).toBe(fallback);
  });
});
