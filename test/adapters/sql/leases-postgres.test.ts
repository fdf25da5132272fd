import { describe } from 'vitest';
import { leasesContract } from '../../contract/leases.ts';
import { isAvailable } from '../../support/databases.ts';
import { openLeases } from './open-leases.ts';

describe.runIf(isAvailable('postgres'))('leases', () => {
  leasesContract('postgres', () => openLeases('postgres'));
});
