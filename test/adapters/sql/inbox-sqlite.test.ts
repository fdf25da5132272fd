import { describe } from 'vitest';
import { inboxContract } from '../../contract/inbox.ts';
import { isAvailable } from '../../support/databases.ts';
import { open } from './open.ts';

describe.runIf(isAvailable('sqlite'))('sqlite', () => {
  inboxContract('in tables that wsend has made', () => open('sqlite', 'wsend'), { stories: 25 });
  inboxContract('in tables that a platform has made', () => open('sqlite', 'platform'), { stories: 1 });
});
