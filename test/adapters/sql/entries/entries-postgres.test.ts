import { describe } from 'vitest';
import { entriesContract } from '../../../contract/entries.ts';
import { isAvailable } from '../../../support/databases.ts';
import { sqlPlace } from '../entries-place.ts';

describe.runIf(isAvailable('postgres'))('PostgreSQL', () => {
  entriesContract('entries in PostgreSQL', () => sqlPlace('postgres'));
});
