import type { Database } from '../adapters/sql/open/sql-database.ts';
import type { CampaignStore, ImportStore, RecipientStore } from '../ports/campaign-store.ts';
import type { OptOuts, OwnTables, Preflight } from '../ports/database.ts';
import type { Replies } from '../ports/inbox.ts';
import type { RecentTexts } from '../ports/recent-texts.ts';
import type { Texts } from '../ports/renderer.ts';

/** The operator's database, opened, with missing tables made. */
export interface Data {
  /** As people know it, without user and password. */
  name: string;
  fitness: Preflight;
  ownTables: OwnTables;
  campaigns: CampaignStore;
  recipients: RecipientStore;
  imports: ImportStore;
  texts: Texts;
  optOuts: OptOuts;
  recentTexts: RecentTexts;
  /** Message 2 on these lines (`everyone`: on whichever). Its tally and failures are its own; a status is never set by it. */
  message2(lines: string[]): { campaigns: CampaignStore; recipients: RecipientStore; everyone: RecipientStore };
  replies: Replies;
}

/** Its stores, with the operator's tables made that are missing. */
export async function openData(database: Database): Promise<Data> {
  const [
    { createMissingTables },
    { migrateOwnTables, ownTablesSql },
    { campaignStore },
    { recipientStore },
    { importStore },
    { optOuts },
    { recentTexts },
    { replies },
    { preflight },
    { texts },
  ] = await Promise.all([
    import('../adapters/sql/tables/schema.ts'),
    import('../adapters/sql/tables/own-tables.ts'),
    import('../adapters/sql/stores/sql-campaign-store.ts'),
    import('../adapters/sql/stores/recipient-store.ts'),
    import('../adapters/sql/stores/import-store.ts'),
    import('../adapters/sql/stores/opt-outs.ts'),
    import('../adapters/sql/stores/sql-recent-texts.ts'),
    import('../adapters/sql/inbox/sql-replies.ts'),
    import('../adapters/sql/open/preflight.ts'),
    import('../adapters/sql/stores/text-rows.ts'),
  ]);
  await createMissingTables(database);
  return {
    name: database.name,
    fitness: preflight(database),
    ownTables: { migrate: () => migrateOwnTables(database), sql: () => ownTablesSql(database) },
    campaigns: campaignStore(database),
    recipients: recipientStore(database),
    imports: importStore(database),
    texts: texts(database),
    optOuts: optOuts(database),
    message2: (lines) => ({
      campaigns: { ...campaignStore(database, 'message_2'), setStatus: async () => undefined },
      recipients: recipientStore(database, 'message_2', lines),
      everyone: recipientStore(database, 'message_2'),
    }),
    recentTexts: recentTexts(database),
    replies: replies(database),
  };
}
