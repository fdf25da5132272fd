import { expect, it } from 'vitest';
import { FAIR, scenarioOf } from '../simulation/scenario.ts';
import { sharedOf } from '../simulation/shared.ts';
import { startProcess } from '../simulation/start-process.ts';

it('a run that is suspended while it gets ready finds what others have left meanwhile', async () => {
  const scenario = {
    ...scenarioOf(1),
    delaySeconds: 2,
    trouble: 0,
    refused: 0,
    faults: FAIR,
    fateOfOthers: 'running',
    databaseLock: false,
  } as const;
  const shared = sharedOf({ ...scenario, campaigns: [4] }, () => undefined);
  const { clock, provider, checkpoints, witness } = shared;
  let wishes = 0;
  checkpoints.before = async (operation) => {
    wishes += operation === 'acquire' ? 1 : 0;
    // It is ready, and takes its locks once more.
    if (operation === 'acquire' && wishes === 2) await clock.sleep(clock.now() + 60_000);
  };
  const first = startProcess(shared, 42, 'resume');
  provider.before = async (operation) => {
    if (operation === 'answer' && provider.accepted.length === 2) second.kill();
  };
  await clock.run(clock.sleep(clock.now() + 16_000));
  const second = startProcess(shared, 42, 'resume');
  await clock.run(second.over);
  expect([provider.accepted.length, checkpoints.of(42).claims.size]).toEqual([2, 1]);
  await clock.run(first.over);
  witness.finished();
  expect(witness.violations).toEqual([]);
});

it('a retry that is killed once the failed are pending leaves no finished checkpoint, which would expire', async () => {
  const scenario = { ...scenarioOf(1), trouble: 0, faults: FAIR, campaigns: [4], refused: 1, databaseLock: false } as const;
  const shared = sharedOf({ ...scenario, campaigns: [4] }, () => undefined);
  const { clock, checkpoints, stores } = shared;
  await clock.run(startProcess(shared, 42, 'resume').over);
  expect(checkpoints.of(42).header?.finished).toBe(true);
  const store = stores.get(42) as NonNullable<ReturnType<typeof stores.get>>;
  const retryFailed = store.retryFailed.bind(store);
  const retry = startProcess(shared, 42, 'retry');
  store.retryFailed = async () => {
    const rows = await retryFailed();
    retry.kill();
    return rows;
  };
  await clock.run(retry.over);
  expect(store.rows.map(({ status }) => status)).toEqual(Array(4).fill('pending'));
  expect(checkpoints.of(42).header?.finished).toBe(false);
});
