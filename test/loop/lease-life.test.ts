import { expect, test } from 'vitest';
import { CLAIM_GOOD_FOR } from '../../src/core/checkpoint.ts';
import { HEARTBEAT, SURE_FOR } from '../../src/loop/held-lease.ts';
import { LEASE_LIFE } from '../../src/ports/leases.ts';

test('nothing leaves by a claim, or by a sign of life, once the lease may be taken over', () => {
  expect(CLAIM_GOOD_FOR).toBeLessThan(LEASE_LIFE);
  expect(SURE_FOR).toBeLessThan(LEASE_LIFE);
});

test('several signs of life may be lost before a run stops sending, and before others may take its lease', () => {
  expect(3 * HEARTBEAT).toBeLessThan(SURE_FOR);
  expect(3 * HEARTBEAT).toBeLessThan(LEASE_LIFE);
});
