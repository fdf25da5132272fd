// Which writes an entries store lets through, and why not the others. The epoch shuts out runs that were overtaken, the step tells a
// repetition from the next write, and both tell a store that lost what it confirmed.

/** How a store knows a name: which epoch opened it, and the last step that was written since. */
export interface Stand {
  epoch: number;
  step: number;
}

/** A step as it is written: its number, and under which epoch each of its names was opened. The first name counts the steps. */
export interface FencedStep {
  step: number;
  names: readonly { name: string; epoch: number }[];
}

/**
 * What becomes of a step where the store (`place`, as people know it) knows its names as `stands` says, in the same order; null is a name that
 * it does not know. `lost` is the sentence for LeaseLost.
 */
export function judge(
  place: string,
  { step, names }: FencedStep,
  stands: readonly (Stand | null)[],
): 'next' | 'repeated' | { lost: string } {
  const at = names.map(({ name, epoch }, i) => ({ name, epoch, stand: stands[i] ?? null }));
  const overtaken = at.find(({ epoch, stand }) => stand !== null && stand.epoch > epoch);
  if (overtaken !== undefined) return { lost: takenOver(overtaken.name) };
  const unknown = at.find(({ stand }) => stand === null);
  if (unknown !== undefined)
    return { lost: `${place} knows nothing of ${inWords(unknown.name)} any more: it was emptied; nothing more is sent` };
  const written = stands[0]?.step ?? 0;
  if (at.some(({ epoch, stand }) => stand?.epoch !== epoch) || written < step - 1) return { lost: wentBack(place) };
  return written < step ? 'next' : 'repeated';
}

/** The sentence for a run whose name a later epoch has opened. */
export function takenOver(name: string): string {
  return `${inWords(name)} was taken over by another run; nothing more is sent`;
}

function wentBack(place: string): string {
  return `${place} went back to an earlier state (it was restored, or a fail-over lost its last seconds) and has forgotten what it confirmed; nothing more is sent`;
}

/** A name as people say it: `campaign 42`, `Message 2 of campaign 42`, `line abc`. */
export function inWords(name: string): string {
  const [, campaign, type] = /^campaign:(\d+):(message_[12])$/.exec(name) ?? [];
  if (campaign !== undefined) return type === 'message_1' ? `campaign ${campaign}` : `Message 2 of campaign ${campaign}`;
  return name.replace(/^line:/, 'line ');
}
