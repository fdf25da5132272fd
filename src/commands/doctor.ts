import { EXIT, messageOf, UserError } from '../errors.ts';
import type { World } from '../world.ts';

interface Finding {
  what: string;
  state: 'ready' | 'warning' | 'problem';
  detail: string;
  exitCode: number;
}

/** `wsend doctor`: configuration, database, checkpoint, line, each by itself; exits with the code of the first problem. */
export async function doctor(world: World, { sandbox = false }: { sandbox?: boolean }): Promise<number> {
  const purpose = sandbox ? 'sandbox' : 'send';
  const findings = [
    await look('configuration', async () => {
      const { policy, warnings } = world.config(purpose);
      const { delayMs, batchSize, batchPauseMs } = policy.pace;
      return { detail: `${delayMs / 1_000} s between sends, batches of ${batchSize}, ${batchPauseMs / 1_000} s between them`, warnings };
    }),
    await look('database', async () => ({ detail: `${(await (await world.data()).campaigns.list()).length} campaigns`, warnings: [] })),
    await look('checkpoint', async () => (await world.checkpoints()).check()),
    await look('line', async () => {
      const provider = await world.provider(world.config(purpose), sandbox);
      const line = await provider.askLine();
      if (line.kind === 'ready') return { detail: `${line.name} is ready`, warnings: [] };
      if (line.kind === 'waiting') return { detail: '', warnings: [`not ready now: ${line.reason}`] };
      throw new UserError(line.reason, { exitCode: line.kind === 'barred' ? EXIT.barred : EXIT.bug });
    }),
    ...(await lookAtWebhook(world)),
  ].flat();
  const text = findings.map(({ what, state, detail }) => `${MARK[state]} ${what.padEnd(13)} ${detail}\n`).join('');
  const problem = findings.find(({ state }) => state === 'problem');
  const json = {
    type: 'doctor',
    ready: problem === undefined,
    findings: findings.map(({ what, state, detail }) => ({ what, state, detail })),
  };
  world.show.result(json, `${text}${problem === undefined ? 'Everything is ready.' : 'Not ready yet.'}\n`);
  return problem?.exitCode ?? EXIT.done;
}

/** Whether the provider's calls would reach a listener, where an address is configured. */
async function lookAtWebhook(world: World): Promise<Finding[][]> {
  const webhook = (() => {
    try {
      return world.config('look').webhook;
    } catch {
      // Said under configuration.
      return null;
    }
  })();
  const address = webhook?.url;
  if (webhook == null || address == null) return [];
  const check = async () => {
    const answer = await world.probe(`${address}/healthz`);
    const secret = webhook.secret === null ? ['WASSENGER_WEBHOOK_SECRET is not set: wsend listen offers no webhook'] : [];
    if (answer === null) return { detail: `${address} answers`, warnings: secret };
    throw new UserError(`${address}/healthz ${answer}`, { exitCode: EXIT.bug });
  };
  return [await look('webhook', check)];
}

const MARK = { ready: 'ok     ', warning: 'warning', problem: 'PROBLEM' };

async function look(what: string, check: () => Promise<{ detail: string; warnings: string[] }>): Promise<Finding[]> {
  try {
    const { detail, warnings } = await check();
    const ready: Finding[] = detail === '' ? [] : [{ what, state: 'ready', detail, exitCode: EXIT.done }];
    return [...ready, ...warnings.map((warning): Finding => ({ what, state: 'warning', detail: warning, exitCode: EXIT.done }))];
  } catch (error) {
    return [{ what, state: 'problem', detail: messageOf(error), exitCode: error instanceof UserError ? error.exitCode : EXIT.bug }];
  }
}
