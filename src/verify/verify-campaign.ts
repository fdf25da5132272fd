import type { Campaign } from '../core/campaign.ts';
import type { Milliseconds } from '../core/units.ts';
import { paced } from '../loop/paced.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerRow } from '../ports/database.ts';
import type { List, Listing } from '../ports/provider.ts';
import type { Recovered } from '../runs/recover.ts';
import { type Comparing, cannotVerify, compareRow, type Discrepancy, type OverlaidRow } from './compare-row.ts';

/** Rows read at a time. */
const PAGE = 500;
/** Recipients compared at once: one that differs is looked at again for seconds, and the others go on. Questions are paced all the same. */
const AT_ONCE = 32;
/** Recipients in a row that could not be compared, after which it is no use to go on. */
const UNCHECKED_IN_A_ROW = 20;

/** How many messages came to what; matching + missing + extra + unchecked = total. */
export interface VerifyCounts {
  total: number;
  matching: number;
  missing: number;
  extra: number;
  unchecked: number;
}

export interface VerifyParts {
  campaign: Campaign;
  ledger: Ledger;
  list: List;
  clock: Clock;
  /** Claims, doubts and outcomes that the database does not have. */
  beyond: Pick<Recovered, 'claims' | 'doubts' | 'outcomes'>;
  /** Questions to the provider in a second. */
  perSecond: number;
  /** How long something is looked for before it counts as missing. */
  lookupMs: Milliseconds;
  onDiscrepancy: (discrepancy: Discrepancy) => void;
  /** Called after each recipient. */
  onProgress: (counts: VerifyCounts) => void;
}

/**
 * Compares every message of a campaign with what the provider lists under its references, page by page, so that memory stays flat. Rejects
 * with UserError (exit code 4 or 1) when the provider refuses our key, or to say, or does not answer for many recipients in a row.
 */
export async function verifyCampaign(parts: VerifyParts): Promise<VerifyCounts> {
  const { campaign, ledger, clock, onDiscrepancy, onProgress } = parts;
  const counts: VerifyCounts = { total: 0, matching: 0, missing: 0, extra: 0, unchecked: 0 };
  const broken = new AbortController();
  const stop = broken.signal;
  const waitOf = (answer: Listing) => (answer.kind === 'later' ? answer.waitMs : undefined);
  const list = paced(parts.list, { clock, perSecond: parts.perSecond, waitOf });
  const comparing: Comparing = { ...parts, stop, list: (wanted) => list(wanted, stop) };
  const overlay = overlayOf(parts.beyond);
  let uncheckedInARow = 0;

  const compareNext = async (rows: Iterator<LedgerRow>) => {
    for (let row = rows.next(); !row.done; row = rows.next()) {
      const discrepancy = await compareRow(comparing, overlay(row.value));
      stop.throwIfAborted();
      counts.total += 1;
      counts[discrepancy?.kind ?? 'matching'] += 1;
      uncheckedInARow = discrepancy?.kind === 'unchecked' ? uncheckedInARow + 1 : 0;
      if (discrepancy !== null) onDiscrepancy(discrepancy);
      if (uncheckedInARow >= UNCHECKED_IN_A_ROW) {
        const reason = `${discrepancy?.reason}, for ${uncheckedInARow} recipients in a row`;
        throw cannotVerify(reason, 'Try again later; wsend doctor says whether the provider answers.');
      }
      onProgress(counts);
    }
  };

  /** The first failure ends the comparisons under way: they say nothing more, and nothing waits for them. */
  const end = (error: unknown): never => {
    broken.abort(error);
    throw error;
  };

  for (let after = 0; ; ) {
    const page = await ledger.page(campaign.id, after, PAGE);
    const rows = page.values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => compareNext(rows).catch(end)));
    if (page.length < PAGE) return counts;
    after = page.at(-1)?.message ?? after;
  }
}

/** Lays what only the checkpoint knows over the rows that are still pending in the database. */
function overlayOf({ claims, doubts, outcomes }: VerifyParts['beyond']): (row: LedgerRow) => OverlaidRow {
  const open = new Map([...claims, ...doubts].map((claim) => [claim.message, claim]));
  const settled = new Map(outcomes.map((outcome) => [outcome.message, outcome]));
  return (row) => {
    const outcome = row.status === 'pending' ? settled.get(row.message) : undefined;
    if (outcome !== undefined) return { row, standing: outcome.kind, providerId: outcome.providerId, claim: null };
    const claim = (row.status === 'pending' ? open.get(row.message) : undefined) ?? null;
    return { row, standing: claim === null ? row.status : 'in_doubt', providerId: row.providerId, claim };
  };
}
