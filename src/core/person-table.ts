import type { PersonKey } from './person.ts';

/** Gives each person a number from 0 on, in the order in which they come. */
export interface PersonTable {
  /** The number of a person, a new one for a person who was not there before. */
  place(person: PersonKey): number;
  /** The number of a person who was there before; undefined for anybody else. */
  find(person: PersonKey): number | undefined;
}

/**
 * An empty table that takes 12 to 24 bytes for a person: their numbers in a row, and a flat table of where each is, in the first free place from
 * its own on. A key has at most 15 digits, so it is an exact number, and two people are never taken for one. `expected` saves the growing.
 */
export function createPersonTable(expected = 0): PersonTable {
  let keys = new Float64Array(Math.max(1024, expected));
  let size = 0;
  let table = emptyTable(keys.length);

  function seek(key: number): number {
    const mask = table.length - 1;
    let at = mix(key) & mask;
    for (let found = table[at]; found !== 0 && found !== undefined; found = table[at]) {
      if (keys[found - 1] === key) return at;
      at = (at + 1) & mask;
    }
    return at;
  }

  function grow(): void {
    const old = keys;
    keys = new Float64Array(old.length * 2);
    keys.set(old);
    table = emptyTable(keys.length);
    for (let i = 0; i < size; i++) table[seek(keys[i] as number)] = i + 1;
  }

  return {
    find(person) {
      const found = table[seek(Number(person.slice(1)))] as number;
      return found > 0 ? found - 1 : undefined;
    },
    place(person) {
      if (size === keys.length) grow();
      const key = Number(person.slice(1));
      const at = seek(key);
      const found = table[at] as number;
      if (found > 0) return found - 1;
      keys[size] = key;
      size += 1;
      table[at] = size;
      return size - 1;
    },
  };
}

/** Room for so many people and half as many again at least: fuller, runs of taken places make every look slow. 0 is a free place. */
function emptyTable(people: number): Uint32Array {
  return new Uint32Array(2 ** Math.ceil(Math.log2(people * 1.5)));
}

function mix(key: number): number {
  const high = Math.floor(key / 2 ** 32);
  let mixed = Math.imul((key >>> 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}
