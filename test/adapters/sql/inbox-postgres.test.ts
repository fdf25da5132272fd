import { describe } from 'vitest';
import { inboxContract } from '../../contract/inbox.ts';
import { isAvailable } from '../../support/databases.ts';
import { open } from './open.ts';

describe.runIf(isAvailable('postgres'))('postgres', () => {
  inboxContract('in tables that wsend has made', () => open('postgres', 'wsend'), { stories: 5 });
  inboxContract('in tables that a platform has made', () => open('postgres', 'platform'), { stories: 1 });
});
