import { checkpointStoreContract } from '../contract/checkpoint-store.ts';
import { MemoryCheckpoints } from './memory-checkpoint.ts';
import { SimClock } from './sim-clock.ts';

checkpointStoreContract('checkpoints in memory', async () => {
  const clock = new SimClock();
  const first = new MemoryCheckpoints(clock);
  const stores = { message_1: first, message_2: new MemoryCheckpoints(clock, 'message_2', first) };
  return {
    store: (type) => stores[type],
    pass: async (ms) => clock.step(ms),
    async setVersion(campaign, version, type) {
      Object.assign(stores[type].kept.get(campaign) as object, { version });
    },
    owners: async (campaign, type) => stores[type].of(campaign).owners.size,
    close: async () => undefined,
  };
});
