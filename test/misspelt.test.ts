import { expect, it } from 'vitest';
import { misspelt } from '../src/misspelt.ts';
import { SETTINGS } from '../src/settings.ts';

it.each([
  ['WASSENGER_BATCHSIZE', 'WASSENGER_BATCH_SIZE'],
  ['WASSENGER_API_TOKEN', 'WASSENGER_API_KEY'],
  ['WASSENGER_DEVICE', 'WASSENGER_DEVICE_ID'],
  ['WASSENGER_RATE_LIMIT_SECOND', 'WASSENGER_RATE_LIMIT_SECONDS'],
  ['WASSENGER_RATE_LIMIT', 'WASSENGER_RATE_LIMIT_SECONDS'],
  ['wassenger_api_key', 'WASSENGER_API_KEY'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['REDIS_UR', 'REDIS_URL'],
  ['MAX_RETRY_ATTEMPT', 'MAX_RETRY_ATTEMPTS'],
  ['WSEND_SANDBOX_FIL', 'WSEND_SANDBOX_FILE'],
])('%s is told with %s', (name, meant) => {
  expect(misspelt({}, { [name]: 'a value' })).toEqual([`${name} (from .env) is not a setting; did you mean ${meant}?`]);
  expect(misspelt({}, { [name]: 'a value' }, 'live.env')).toEqual([`${name} (from live.env) is not a setting; did you mean ${meant}?`]);
  expect(misspelt({ [name]: 'a value' }, {})).toEqual([`${name} (from the environment) is not a setting; did you mean ${meant}?`]);
});

it('a name of ours that resembles none is told, too', () => {
  expect(misspelt({ WASSENGER_MAXIMUM_NUMBER_OF_EVERYTHING: '1' }, {})).toEqual([
    'WASSENGER_MAXIMUM_NUMBER_OF_EVERYTHING (from the environment) is not a setting: docs/configuration.md lists them all',
  ]);
});

it('names that are right, empty, or of other programs are not', () => {
  const right = Object.fromEntries(Object.values(SETTINGS).map(({ variable }) => [variable, 'x']));
  expect(misspelt(right, right)).toEqual([]);
  expect(misspelt({ WASSENGER_BATCHSIZE: '' }, {})).toEqual([]);
  const others = ['PATH', 'HOME', 'NODE_ENV', 'PGHOST', 'DATABASE', 'DATABASE_USER', 'REDIS_HOST', 'WSEND_TEST_REDIS_URL', 'MAX_RETRIES'];
  expect(misspelt(Object.fromEntries(others.map((name) => [name, 'x'])), {})).toEqual([]);
  expect(misspelt({ REDIS_URI: 'x', REDIS_URL: 'x' }, {})).toEqual([]);
});
