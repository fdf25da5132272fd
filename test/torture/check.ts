import { events } from '../cli/program.ts';
import type { Evidence, Ran, Snapshot } from './evidence.ts';
import { isOut } from './plan.ts';

/** Calls and look-ups that a run of default concurrency may have under way: its open claims are never more. */
const UNDER_WAY = 20;
/** How much later than it was sent the sandbox may note a message on a busy machine, in milliseconds. */
const STALL = 400;
const COUNTS = ['sent', 'failed', 'pending', 'in_doubt', 'skipped'] as const;

/** Every way in which a round broke the promise, in words; empty when it was kept. */
export function violations(evidence: Evidence): string[] {
  return [
    ...twice(evidence),
    ...forgotten(evidence),
    ...disagreements(evidence),
    ...evidence.ran.flatMap(misbehaviour),
    ...evidence.snapshots.flatMap(misread),
    ...gaps(evidence),
  ];
}

function twice({ accepted }: Evidence): string[] {
  const byPhone = new Map<string, Evidence['accepted']>();
  for (const message of accepted) byPhone.set(message.phone, [...(byPhone.get(message.phone) ?? []), message]);
  return [...byPhone]
    .filter(([, messages]) => messages.length > 1)
    .map(
      ([phone, messages]) =>
        `${phone} got it ${messages.length} times: ${messages.map(({ reference, at }) => `${reference} at ${iso(at)}`).join(', ')}`,
    );
}

/** At the end nobody is pending or in doubt, and only who was refused, or was never taken in all attempts, has failed. */
function forgotten({ rows, accepted, plan }: Evidence): string[] {
  const left = rows.filter(({ error }) => error?.startsWith('wsend: skipped:'));
  const taken = new Map(accepted.map((message) => [message.phone, message]));
  const known = new Set(rows.map(({ phone }) => phone));
  const strangers = accepted.filter(({ phone }) => !known.has(phone)).map(({ phone }) => `${phone} got it and is no recipient`);
  const missing = rows.length === plan.recipients ? [] : [`${rows.length} rows of ${plan.recipients} recipients`];
  // The id of a message is in its answer alone, and that may have been broken off.
  const mayLackId = plan.phases.some(({ faults }) => faults.truncate !== '0');
  const stopped = accepted
    .filter(({ phone }) => isOut(plan, Number(phone.slice(-8, -4))))
    .map(({ phone }) => `${phone} got it and wants nothing`);
  const skipped = left.flatMap(({ phone, status }) =>
    status === 'pending' && isOut(plan, Number(phone.slice(-8, -4))) ? [] : [`${phone} is ${status} and left out`],
  );
  const others = rows.filter((row) => !left.includes(row)).flatMap((row) => wrongRow(row, taken.get(row.phone), mayLackId));
  return [...missing, ...strangers, ...stopped, ...skipped, ...others];
}

function wrongRow(
  { phone, status, providerId, error }: Evidence['rows'][number],
  taken: Evidence['accepted'][number] | undefined,
  mayLackId: boolean,
): string[] {
  const refused = phone.endsWith('0000');
  if (status === 'sent' && taken === undefined) return [`${phone} is sent in the database and was never accepted`];
  if (status === 'sent' && providerId !== taken?.id && !(providerId === null && mayLackId))
    return [`${phone} has the id ${providerId} in the database and ${taken?.id} at the provider`];
  if (status === 'sent') return [];
  if (status !== 'failed') return [`${phone} is ${status} at the end (${error}), ${taken === undefined ? 'never' : 'though'} accepted`];
  if (taken !== undefined && !taken.fails) return [`${phone} is failed in the database (${error}) and was accepted`];
  const excused = refused ? /^phone:invalid/.test(error ?? '') : taken !== undefined || /^unconfirmed:/.test(error ?? '');
  return excused ? [] : [`${phone} failed without a cause that was planned: ${error}`];
}

/** The database's rows and counters, Redis and the last summary say the same. */
function disagreements({ rows, campaign, redis, ran }: Evidence): string[] {
  const sent = rows.filter(({ status }) => status === 'sent').length;
  const failed = rows.filter(({ status }) => status === 'failed').length;
  const last = events(ran.at(-1)?.outcome ?? { stdout: '' }).at(-1) ?? {};
  const wanted: [string, unknown, unknown][] = [
    ['campaigns.sent_count', campaign.sent, sent],
    ['campaigns.success_count', campaign.success, sent],
    ['campaigns.failed_count', campaign.failed, failed],
    ['campaigns.total_recipients', campaign.total, rows.length],
    ['campaigns.status', campaign.status, sent === 0 ? 'failed' : 'completed'],
    ['sent of the last summary', last.sent, sent],
    ['failed of the last summary', last.failed, failed],
    ['pending of the last summary', last.pending, 0],
    ['in_doubt of the last summary', last.in_doubt, 0],
    ...(redis === null
      ? []
      : ([
          [`campaign:${campaign.id}:sent`, redis.sent, sent],
          [`campaign:${campaign.id}:failed`, redis.failed, failed],
        ] as [string, unknown, unknown][])),
  ];
  return wanted.filter(([, is, should]) => is !== should).map(([what, is, should]) => `${what} is ${is}, and the rows say ${should}`);
}

/** Its exit code, its output, and that it ended at all. */
function misbehaviour({ args, phase, outcome, hung }: Ran): string[] {
  const name = `wsend ${args[0]} (${phase?.blow ?? 'undisturbed'})`;
  const sums = events(outcome).flatMap((object) => (wrongSum(object) ? [`${name} printed ${JSON.stringify(object)}`] : []));
  const stack = /^\s+at \S+.*:\d+|unexpected|node:internal/m.test(outcome.stderr) ? [`${name} printed a stack:\n${outcome.stderr}`] : [];
  const end = outcome.code ?? outcome.signal ?? 'nothing';
  const ended = allowedEnds(phase, args).has(end) ? [] : [`${name} ended with ${end}: ${outcome.stderr.trim()}`];
  return [...sums, ...stack, ...ended, ...(hung ? [`${name} did not end`] : [])];
}

function allowedEnds(phase: Ran['phase'], args: string[]): Set<number | string> {
  const ends = new Set<number | string>([0, 3, 5]);
  if (phase === null) return ends;
  const { blow, twins, faults } = phase;
  const add = (...more: (number | string)[]) => more.forEach((end) => void ends.add(end));
  if (twins) add(7);
  if (twins && args.includes('--csv')) add(2);
  if (faults.refuse !== 'nothing') add(4);
  if (blow === 'kill -9' || blow.startsWith('Redis and the run killed')) add('SIGKILL');
  if (blow === 'SIGTERM') add(143, blow);
  if (blow === 'SIGHUP') add(129, blow);
  if (blow === 'SIGINT' || blow === 'SIGINT twice') add(130, 'SIGINT');
  // A retry sends to those who failed alone, and may leave others pending.
  if (blow === 'wsend pause' || args[0] === 'retry') add(6);
  // What a database that is away interrupts before the first send ends there.
  if (blow.startsWith('the database away')) add(7, 1);
  if (blow === 'Redis emptied' || blow === 'Redis killed and started again') add(7, 1);
  // Stopped in the middle of a write it keeps an SQLite file locked for whoever wants to take over.
  if (blow === 'stopped for longer than its lock lives') add(7, 1);
  return ends;
}

function misread({ status, acceptedBefore, acceptedAfter, still, wiped }: Snapshot): string[] {
  const text = JSON.stringify(status);
  const { sent, in_doubt } = status as Record<string, number>;
  if (wrongSum(status)) return [`status does not add up: ${text}`];
  if (Number(sent) > acceptedAfter) return [`status says ${sent} sent when ${acceptedAfter} were accepted`];
  // Whoever was accepted is recorded, in doubt, or one of the few whose claim is open.
  if (still && !wiped && acceptedBefore - Number(sent) - Number(in_doubt) > UNDER_WAY)
    return [`${acceptedBefore} were accepted, and status says ${text}`];
  return [];
}

/** Sends i to j take (j − i) · D at least, whatever was killed between them. */
function gaps({ accepted, plan }: Evidence): string[] {
  const at = accepted.map((message) => message.at).sort((a, b) => a - b);
  for (let i = 0, slack = 0; i + 1 < at.length; i += 1) {
    const gap = (at[i + 1] as number) - (at[i] as number);
    slack = Math.min(0, slack + gap - plan.delayMs);
    if (slack < -STALL) return [`the sends around ${iso(at[i] as number)} came ${-slack} ms too early for a delay of ${plan.delayMs} ms`];
  }
  return [];
}

function wrongSum(object: Record<string, unknown>): boolean {
  if (!COUNTS.every((name) => typeof object[name] === 'number')) return false;
  const parts = COUNTS.map((name) => Number(object[name]));
  return parts.some((part) => part < 0) || parts.reduce((sum, part) => sum + part, 0) !== object.total;
}

function iso(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
