import { setImmediate } from 'node:timers/promises';

/** Rows read or written by one statement where their number is not given: enough to be fast, few enough for every driver's limits. */
export const CHUNK = 500;

/** `items` in pieces of at most CHUNK, in order. */
export function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK);
}

/** The same for items that arrive one by one. Between chunks timers and signals have their turn, for SQLite itself never waits. */
export async function* inChunks<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
    await setImmediate();
  }
  if (chunk.length > 0) yield chunk;
}
