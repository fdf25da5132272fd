import { beyondOf, type Progress, progressOf, withDuplicates } from '../core/progress.ts';
import { findPersons } from '../loop/persons.ts';
import type { RenderText, SeenRow } from '../ports/campaign-store.ts';
import type { World } from '../world.ts';
import { announceIfSlow } from './announce-if-slow.ts';
import type { CheckpointView } from './view.ts';

/** What a run of a campaign would find now. */
export interface Planned {
  /** Message 1 rows there are. */
  total: number;
  /** With who is there twice among the failed. */
  progress: Progress;
  /** How many would be sent to: the pending, the failed where they are to be tried again, or the contacts whose rows are still to be made. */
  count: number;
  /** Rows and contacts that are left out because their person gets another message of the campaign. */
  duplicates: number;
  /** Those of the rows, by id; of the failed, too, where they are to be tried again. */
  twice: ReadonlySet<number>;
}

/**
 * Looks at a campaign as a run would take it up, or a retry of the `failed`. Contacts for which `render` gives no text are not counted. Writes nothing
 * and takes no lock.
 */
export async function plannedFor(
  world: World,
  id: number,
  view: CheckpointView,
  { failed = false, render, see }: { failed?: boolean; render?: RenderText | undefined; see?: ((row: SeenRow) => void) | undefined } = {},
): Promise<Planned> {
  const { campaigns, recipients } = await world.data();
  const tally = await campaigns.tally(id);
  const progress = progressOf(tally, beyondOf(tally, view));
  if (tally.total === 0) {
    const { count, duplicates } = await recipients.preparable(id, render);
    return { total: 0, progress, count: failed ? 0 : count, duplicates, twice: new Set() };
  }
  const { claims, doubts } = view.beyond;
  const open = new Set([...claims, ...doubts].map(({ message }) => message));
  const pass = findPersons(recipients, { campaign: id, total: tally.total, open, failed, see });
  const found = await announceIfSlow(world, 'Looking for people who are there twice', pass);
  const planned = withDuplicates(progress, Math.min(found.duplicates.length, progress.pending));
  const count = failed ? progress.failed - found.notAgain.length : planned.pending;
  return {
    total: tally.total,
    progress: planned,
    count,
    duplicates: planned.duplicates ?? 0,
    twice: new Set([...found.duplicates, ...found.notAgain]),
  };
}
