import { describe } from 'vitest';
import { inboxContract } from '../../contract/inbox.ts';
import { isAvailable } from '../../support/databases.ts';
import { open } from './open.ts';

describe.runIf(isAvailable('mysql'))('mysql', () => {
  inboxContract('in tables that wsend has made', () => open('mysql', 'wsend'), { stories: 5 });
  inboxContract('in tables that a platform has made', () => open('mysql', 'platform'), { stories: 1 });
});
