/** Luck that a seed brings back: the same seed and the same questions give the same answers. */
export interface Dice {
  /** From 0 (included) to 1 (excluded). */
  roll(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** True in `share` of all cases. */
  chance(share: number): boolean;
  /** One of these; a word that is there twice is twice as likely. */
  pick<T>(words: readonly [T, ...T[]]): T;
}

/** Dice for a seed, a whole number (mulberry32). */
export function dice(seed: number): Dice {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(roll() * (max - min + 1));
  return { roll, between, chance: (share) => roll() < share, pick: (words) => words[between(0, words.length - 1)] ?? words[0] };
}
