import { describe, expect, it } from 'vitest';
import { indexByCampaign } from '../../../src/adapters/sql/tables/message-rows.ts';
import { isAvailable } from '../../support/databases.ts';
import { open } from './open.ts';

describe.runIf(isAvailable('mysql'))('a page of recipients in MySQL', () => {
  it.each([
    ['wsend', 'messages_campaign_id_message_type_status_id', 'campaign_id, message_type, status, id'],
    ['platform', 'idx_messages_campaign', 'campaign_id'],
  ] as const)('begins where the last one ended, in tables made by %s', async (madeBy, index, columns) => {
    const { database, beside } = await open('mysql', madeBy);
    try {
      expect(await indexByCampaign(database.db)).toBe(index);
      const [plan] = await beside.query(`explain select content from messages force index (${index})
        where campaign_id = 42 and message_type = 'message_1' and status = 'pending' and id > 7 order by id limit 10`);
      expect(plan, columns).toMatchObject({ type: 'range', key: index });
      expect(plan?.Extra).toMatch(/^(?!.*(filesort|temporary)).*Using (where|index)/);
    } finally {
      await database.close();
      await beside.drop();
    }
  });
});
