import type { Owner } from './checkpoint.ts';
import { inWords } from './fence.ts';

/**
 * The sentence for a run that held `name` under `epoch` and does not any more. `found` is how the name stands now; null where nothing is known
 * of it.
 */
export function lostLease(name: string, epoch: number, found: { epoch: number; owner: Owner | null } | null): string {
  const what = inWords(name);
  if (found === null || found.epoch < epoch)
    return `the database has forgotten that this run holds ${what} (it was restored, or emptied); nothing more is sent`;
  if (found.epoch === epoch) return `${what} was given back; nothing more is sent`;
  return `${what} was taken over by ${found.owner === null ? 'another run' : byProcess(found.owner)}; nothing more is sent`;
}

/** `process 99 on host-b`, and what for where that is known. */
function byProcess({ pid, host, purpose }: Owner): string {
  return `process ${pid} on ${host}${purpose === undefined ? '' : ` (${purpose})`}`;
}
