import { type RawBuilder, sql } from 'kysely';
import { UNPACED } from '../../core/pacing.ts';
import { checkVersion } from '../../errors.ts';
import { type Claim, type Doubt, NOBODY, type Owner, type Recovered } from '../../ports.ts';
import type { Work } from './embedded-checkpoint-file.ts';
import type { Place } from './embedded-checkpoint-fold.ts';

/** Reads everything a campaign's checkpoint holds, and the pace of its line. */
export async function recoverFrom(work: Work, campaign: number, line: string): Promise<Recovered> {
  const rows = async <T>(query: RawBuilder<T>) => (await query.execute(work)).rows;
  const [about] = await rows(sql<About>`select version, header, sent, failed from wsend_checkpoint where campaign = ${campaign}`);
  checkVersion(Math.abs(campaign), about?.version ?? null);
  const recipients = await rows(
    sql<{ place: Place; kept: string }>`select place, kept from wsend_checkpoint_recipient where campaign = ${campaign} order by message`,
  );
  const owners = await rows(
    sql<{ token: string; owner: string }>`select token, owner from wsend_checkpoint_owner where campaign = ${campaign}`,
  );
  const [paced] = await rows(sql<{ pacing: string }>`select pacing from wsend_checkpoint_line where line = ${line}`);

  const known = new Map(owners.map(({ token, owner }) => [token, JSON.parse(owner) as Owner]));
  const keptIn = (...places: Place[]) => recipients.filter(({ place }) => places.includes(place)).map(({ kept }) => JSON.parse(kept));
  const claimed = <T extends Claim>(kept: Omit<T, 'owner'> & { owner: string }): T =>
    ({ ...kept, owner: known.get(kept.owner) ?? { ...NOBODY, token: kept.owner } }) as unknown as T;
  return {
    header: about?.header ? JSON.parse(about.header) : null,
    claims: keptIn('claim').map(claimed<Claim>),
    outcomes: keptIn('sent', 'failed'),
    doubts: keptIn('doubt').map(claimed<Doubt>),
    retries: keptIn('retry'),
    counted: about?.header ? { sent: about.sent, failed: about.failed } : null,
    pacing: paced ? JSON.parse(paced.pacing) : UNPACED,
  };
}

interface About {
  version: number;
  header: string | null;
  sent: number;
  failed: number;
}
