import { describe } from 'vitest';
import { campaignStoreContract } from '../../contract/campaign-store.ts';
import { isAvailable } from '../../support/databases.ts';
import { open } from './open.ts';

describe.runIf(isAvailable('postgres'))('postgres', () => {
  campaignStoreContract('in tables that wsend has made', () => open('postgres', 'wsend'));
  campaignStoreContract('in tables that a platform has made', () => open('postgres', 'platform'));
});
