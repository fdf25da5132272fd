import { reconcile } from '../../src/commands/reconcile.ts';
import { resume } from '../../src/commands/resume.ts';
import { retry } from '../../src/commands/retry.ts';
import type { World } from '../../src/world.ts';
import { processWorld } from './process-world.ts';
import type { Shared } from './shared.ts';
import { SimProcess } from './sim-process.ts';

const assumeAbsent = (world: World, options: { id: string }) => reconcile(world, { ...options, assume: 'absent' });
const VERBS = { resume, reconcile, retry, 'assume absent': assumeAbsent };
export type Verb = keyof typeof VERBS;

/** A process that begins one command of wsend: the real one, in a simulated world. */
export function startProcess(shared: Shared, campaign: number, verb: Verb): SimProcess {
  const { clock, random, scenario, trace, witness } = shared;
  shared.started += 1;
  const pid = shared.started;
  const owner = { token: `run-${pid}`, host: 'here', machine: 'm', boot: 'b', namespace: 'n', pid, startedAt: clock.now(), birth: '' };
  const store = scenario.twoStores && random.chance(0.4) ? 1 : 0;
  const process = new SimProcess(owner, store, { clock, random, trace, weather: () => (shared.calm ? null : scenario.faults) });
  void process.over.then(() => shared.over.add(owner.token));
  trace(`${owner.token} begins: ${verb} ${campaign}`);
  const end = (what: string, error: unknown) => {
    if (!process.alive) return;
    trace(`${owner.token} ends: ${what}`);
    witness.ended(process, error);
    process.end();
  };
  VERBS[verb](processWorld(process, campaign, shared), { id: String(campaign) }).then(
    (exitCode) => end(`exit ${exitCode}`, null),
    (error) => end(String(error), error),
  );
  return process;
}
