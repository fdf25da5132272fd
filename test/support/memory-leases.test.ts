import { leasesContract } from '../contract/leases.ts';
import { MemoryLeases } from './memory-leases.ts';

leasesContract('memory', async () => {
  // No clock of a process: the tests set that one wrong.
  const began = Date.now() - performance.now();
  const now = () => Math.round(began + performance.now());
  const leases = new MemoryLeases(now);
  return {
    clients: [leases, leases],
    now: async () => now(),
    expiresAt: async (name) => leases.rows.get(name)?.expiresAt ?? 0,
    change: async (name, to) => {
      if (to === null) leases.rows.delete(name);
      else Object.assign(leases.rows.get(name) ?? {}, to);
    },
    close: async () => undefined,
  };
});
