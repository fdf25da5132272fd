/** The word among `known` that takes the fewest changed, added or missing letters to be made of `word`, and how many; the first of several. */
export function nearest<Word extends string>(word: string, known: readonly Word[]): { word: Word; distance: number } | undefined {
  const all = known.map((candidate) => ({ word: candidate, distance: distanceOf(word, candidate) }));
  return all.toSorted((a, b) => a.distance - b.distance)[0];
}

function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
