import type { Kysely } from 'kysely';
import type { StopRules } from '../../../core/stop-words.ts';
import type { EpochMs } from '../../../core/units.ts';
import type { FactResult, WriteText } from '../../../ports/inbox.ts';
import type { SqlDialect } from '../open/dialect.ts';
import type { Fitting, Rooms } from '../open/room.ts';
import type { OptionalColumns } from '../tables/optional-columns.ts';
import type { Schema } from '../tables/table-types.ts';

/** What the effects of facts need of the transaction they happen in. */
export interface Working {
  transaction: Kysely<Schema>;
  dialect: SqlDialect;
  at: EpochMs;
  /** The same as it is stored. */
  now: string;
  columns: OptionalColumns;
  /** The room in the columns, and how texts that may be changed are made fit for it. */
  rooms: Rooms;
  text: Fitting;
  /** The database takes the text of Message 2 no better than the others did: it cannot be written. */
  unwritable: boolean;
  stop: StopRules;
  write: WriteText;
}

/** What became of one fact, and the Message 2 that it brought. */
export interface Worked {
  result: FactResult;
  message2: 'pending' | 'failed' | null;
  /** What the provider calls the sender, where no contact is known by it. */
  stranger?: string;
}
