import { expect, it } from 'vitest';
import type { Finding } from '../../src/core/outcome.ts';
import { lookUpReference } from '../../src/engine/look-up.ts';
import { MemoryProvider } from '../support/memory-provider.ts';
import { SimClock } from '../support/sim-clock.ts';

const HOUR = 3_600_000;
const WANTED = { reference: 'wsend-42-1-abcdefgh', phone: '+2290190000001', line: 'line-1' };

it.each([HOUR, -HOUR])('a clock that is set by %i ms does not make the search for a reference shorter or longer', async (step) => {
  const clock = new SimClock();
  const begin = clock.now();
  const provider = new MemoryProvider(clock);
  let looks = 0;
  provider.lookUpFault = (): Finding => {
    looks += 1;
    if (looks === 2) clock.step(step);
    return { kind: 'absent' };
  };
  const finding = await clock.run(lookUpReference({ provider, clock, lookupMs: 10_000 }, WANTED));
  expect([finding.kind, looks, clock.now() - step - begin]).toEqual(['absent', 4, 10_000]);
});
