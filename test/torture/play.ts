import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tcpProxy } from '../adapters/sql/tcp-proxy.ts';
import { events, Place, type Started } from '../cli/program.ts';
import { freshDatabase } from '../support/databases.ts';
import type { RunningRedis } from '../support/servers.ts';
import { strike } from './blow.ts';
import { collect, type Evidence, emptyRedis, type Ran, type Scene, type Snapshot, wipe } from './evidence.ts';
import { CALM, isOut, type Phase, type Plan } from './plan.ts';

/** Undisturbed runs until everyone is settled; the circuit breaker may open in some. */
const MOST_RUNS_AT_THE_END = 12;
/** A run that has sent nothing for so long is struck all the same, in milliseconds. */
const LONGEST_WAIT = 5_000;
/** A program that has not ended so long after its blow hangs, in milliseconds. */
const HANGS_AFTER = 60_000;

/** A round that is being played. */
interface Round {
  plan: Plan;
  scene: Scene;
  ran: Ran[];
  snapshots: Snapshot[];
  /** Its id, once the campaign was made; one that was killed while it was made leaves a gap in the ids of a server. */
  campaign: number | null;
  /** The checkpoint was lost, emptied under a run, or somewhere else. */
  wiped: boolean;
}

/**
 * Plays a round with the built program against a sandbox of its own, and gives what it left to `look`. `redis` is for this round alone while
 * it lasts. The folder is removed unless `look` says to keep it; then everything that was printed is in it too.
 */
export async function play<T>(
  plan: Plan,
  redis: RunningRedis | null,
  look: (evidence: Evidence, folder: string) => { keep: boolean; result: T },
): Promise<T> {
  const database = await freshDatabase(plan.database);
  const proxy = plan.database === 'sqlite' ? null : await tcpProxy(database.url);
  const place = new Place({
    DATABASE_URL: proxy?.url ?? database.url,
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    WASSENGER_MIN_DELAY_SECONDS: '0',
    WASSENGER_RATE_LIMIT_SECONDS: String(plan.delayMs / 1_000),
    WASSENGER_BATCH_PAUSE_SECONDS: '0.2',
    WASSENGER_BATCH_SIZE: '40',
    WASSENGER_TIMEOUT_SECONDS: '1.5',
    WASSENGER_LOOKUP_SECONDS: '0.8',
    // As much faster than by default as the time of a look-up is shorter.
    WASSENGER_LOOKUPS_PER_SECOND: '60',
    RETRY_BASE_DELAY_SECONDS: '0.1',
  });
  let keep = true;
  try {
    if (redis !== null) await emptyRedis(redis);
    const people = peopleOf(plan);
    place.write('people.csv', `phone,name\n${people.join('\n')}\n`);
    if (plan.crowd) {
      place.write('out.csv', `phone,name\n${people.filter((_, line) => isOut(plan, line)).join('\n')}\n`);
      await place.run(['optout', 'import', 'out.csv']);
    }
    const sandbox = await place.sandboxWith(['--port', '0', '--file', 'sandbox.db', ...flags(plan.lasting)]);
    const round: Round = { plan, scene: { place, sandbox, database, redis, proxy }, ran: [], snapshots: [], campaign: null, wiped: false };
    for (const phase of plan.phases) await playPhase(round, phase);
    await playEnd(round);
    const evidence: Evidence = { plan, ran: round.ran, snapshots: round.snapshots, ...(await collect(round.scene)) };
    const seen = look(evidence, place.folder);
    keep = seen.keep;
    if (keep) writeFileSync(place.path('evidence.json'), JSON.stringify(evidence, null, 1));
    return seen.result;
  } finally {
    await place.leave({ keep });
    await proxy?.close();
    if (!keep || plan.database !== 'sqlite') await database.drop();
  }
}

/** One number in thirteen is one that the sandbox refuses. */
function peopleOf({ recipients }: Plan): string[] {
  return Array.from({ length: recipients }, (_, i) => `+22901${String(i).padStart(4, '0')}${i % 13 === 9 ? '0000' : '1111'},Person ${i}`);
}

async function playPhase(round: Round, phase: Phase): Promise<void> {
  const { scene } = round;
  await scene.sandbox.set(phase.faults);
  const args = await argsOf(round, phase.command);
  if (phase.wiped) {
    await wipe(scene);
    round.wiped = true;
  }
  const elsewhere = phase.elsewhere ? { REDIS_URL: '' } : {};
  const started = phase.twins
    ? [scene.place.start([...args, '--json']), scene.place.start([...args, '--json'], elsewhere)]
    : [scene.place.start([...args, '--json'], elsewhere)];
  if (phase.from === 'the first send') await Promise.race([...started.map(sends), sleep(LONGEST_WAIT)]);
  const begin = Date.now();
  if (phase.watched) {
    await sleep(phase.afterMs / 2);
    await snapshot(round, false);
  }
  await sleep(Math.max(0, begin + phase.afterMs - Date.now()));
  if (phase.elsewhere) round.wiped = true;
  if (phase.blow.startsWith('Redis') && phase.blow !== 'Redis killed and started again') round.wiped = true;
  const more = await strike(phase.blow, started, round.campaign ?? 1, scene);
  for (const each of [...started.map((program) => ({ program, args })), ...more]) round.ran.push(await endOf(each, phase));
  await snapshot(round, true);
}

/** Resolves with its first send, or when it ends without one. */
function sends(program: Started): Promise<void> {
  return program.tells('sent').catch(() => undefined);
}

/** Nothing goes wrong any more: runs until everyone is settled. */
async function playEnd(round: Round): Promise<void> {
  const { place, sandbox } = round.scene;
  await sandbox.set(CALM);
  for (let i = 0; i < MOST_RUNS_AT_THE_END; i += 1) {
    const args = await argsOf(round, 'resume');
    const ran = await endOf({ program: place.start([...args, '--json']), args }, null);
    round.ran.push(ran);
    const { pending, in_doubt } = events(ran.outcome).at(-1) ?? {};
    if (pending === 0 && in_doubt === 0) break;
  }
  await snapshot(round, true);
}

/** Before the campaign exists it is made of the file, however often that was interrupted. */
async function argsOf(round: Round, command: Phase['command']): Promise<string[]> {
  if (round.campaign === null) {
    const { stdout } = await round.scene.place.run(['status', '--json']);
    round.campaign = stdout === '' ? null : (JSON.parse(stdout).campaigns[0]?.campaign ?? null);
  }
  if (round.campaign === null) return ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}'];
  if (command === 'resume --all') return ['resume', '--all'];
  return command === 'run' ? ['run', '--campaign', `${round.campaign}`] : [command, `${round.campaign}`];
}

async function endOf({ program, args }: { program: Started; args: string[] }, phase: Phase | null): Promise<Ran> {
  let hung = false;
  const patience = setTimeout(() => {
    hung = true;
    program.process.kill('SIGKILL');
  }, HANGS_AFTER);
  const outcome = await program.ended;
  clearTimeout(patience);
  return { args, phase, outcome, hung };
}

async function snapshot({ scene: { place, sandbox }, snapshots, campaign, wiped }: Round, still: boolean): Promise<void> {
  if (campaign === null) return;
  const acceptedBefore = (await sandbox.accepted()).length;
  const { stdout } = await place.run(['status', `${campaign}`, '--json']);
  const acceptedAfter = (await sandbox.accepted()).length;
  if (stdout !== '') snapshots.push({ status: JSON.parse(stdout), acceptedBefore, acceptedAfter, still, wiped });
}

function flags(faults: Record<string, string>): string[] {
  return Object.entries(faults).flatMap(([name, value]) => ['--fault', `${name}=${value}`]);
}
