import { type RawBuilder, sql } from 'kysely';
import type { SqlDialect } from './database.ts';
import { serverNow } from './dialect.ts';

/** True of a row `c` of wsend_checkpoints whose name is not kept any more. */
export function hasRunOut(dialect: SqlDialect): RawBuilder<boolean> {
  return sql<boolean>`coalesce(c.kept_until <= ${serverNow(dialect)}, false)`;
}
