import { entriesContract } from '../contract/entries.ts';
import { MemoryEntries } from './memory-entries.ts';

entriesContract('entries in memory', async () => {
  let now = Date.now();
  const entries = new MemoryEntries(() => now);
  return {
    entries: () => entries,
    async pass(ms) {
      now += ms;
    },
    wipe: async () => entries.wipe(),
    copy: async () => {
      const copy = entries.copy();
      return async () => entries.restore(copy);
    },
    size: async () => [...entries.kept.values()].filter(({ keptUntil }) => keptUntil === null || keptUntil > now).length,
    close: async () => undefined,
  };
});
