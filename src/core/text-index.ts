import type { PersonKey } from './person.ts';

/**
 * Which message last brought a text to a person, for a million of them in 20 MB: one flat table of the message's id and 64 bits of a hash of person and
 * text, each in the first free place from its own on. Two that have the same 64 bits are taken for one, so what is found is to be compared.
 */
export class TextIndex {
  #size = 0;
  #ids: Float64Array;
  #highs: Uint32Array;
  #lows: Uint32Array;
  #high = 0;
  #low = 0;
  #text = '';
  #textHigh = 0;
  #textLow = 0;

  /** `expected`: how many it is likely to hold. */
  constructor(expected: number) {
    [this.#ids, this.#highs, this.#lows] = tables(Math.max(64, Math.ceil(expected / FULL) + 64));
  }

  get size(): number {
    return this.#size;
  }

  /** What was there of the same person and text is replaced. */
  add(person: PersonKey, text: string, message: number): void {
    if (this.#size >= this.#ids.length * FULL) this.#grow();
    this.#hash(person, text);
    const at = this.#place(this.#high, this.#low);
    if (Number.isNaN(this.#ids[at])) this.#size += 1;
    this.#put(at, { id: message, high: this.#high, low: this.#low });
  }

  /** The message that very likely brought this text to this person, or null where none did. */
  find(person: PersonKey, text: string): number | null {
    this.#hash(person, text);
    const id = this.#ids[this.#place(this.#high, this.#low)] as number;
    return Number.isNaN(id) ? null : id;
  }

  #put(at: number, { id, high, low }: { id: number; high: number; low: number }): void {
    this.#ids[at] = id;
    this.#highs[at] = high;
    this.#lows[at] = low;
  }

  #place(high: number, low: number): number {
    const { length } = this.#ids;
    let at = (low ^ Math.imul(high, 0x9e3779b1)) >>> 0;
    at %= length;
    while (!Number.isNaN(this.#ids[at]) && (this.#highs[at] !== high || this.#lows[at] !== low)) at = at + 1 === length ? 0 : at + 1;
    return at;
  }

  #grow(): void {
    const [ids, highs, lows] = [this.#ids, this.#highs, this.#lows];
    [this.#ids, this.#highs, this.#lows] = tables(ids.length * 2);
    for (const [i, id] of ids.entries()) {
      const [high, low] = [highs[i] as number, lows[i] as number];
      if (!Number.isNaN(id)) this.#put(this.#place(high, low), { id, high, low });
    }
  }

  /** Hashes into two fields, because a pair for each of a million would be garbage. A text that comes again, as in most campaigns, is hashed once. */
  #hash(person: PersonKey, text: string): void {
    if (text !== this.#text || this.#textLow === 0) this.#hashText(text);
    const digits = Number(person.slice(1));
    const [head, tail] = [Math.floor(digits / 2 ** 32), digits >>> 0];
    const high = mixed(this.#textHigh ^ Math.imul(tail, 0x85ebca6b) ^ head);
    this.#high = high;
    this.#low = mixed(this.#textLow ^ Math.imul(tail ^ high, 0xc2b2ae35) ^ Math.imul(head, 0x27d4eb2f));
  }

  /** cyrb53 by bryc (public domain), with all of its 64 bits. */
  #hashText(text: string): void {
    let [a, b] = [0xdeadbeef, 0x41c6ce57];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x9e3779b1);
      b = Math.imul(b ^ unit, 0x5f356495);
    }
    this.#text = text;
    this.#textHigh = mixed(a ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35));
    this.#textLow = mixed(b ^ Math.imul(a ^ (a >>> 13), 0x85ebca6b));
  }
}

/** How full the table may be. */
const FULL = 0.8;

/** No message has the id NaN. */
function tables(length: number): [Float64Array, Uint32Array, Uint32Array] {
  return [new Float64Array(length).fill(Number.NaN), new Uint32Array(length), new Uint32Array(length)];
}

function mixed(bits: number): number {
  let mix = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
