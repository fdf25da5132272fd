import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../../core/checkpoint.ts';
import { SECOND } from '../../core/units.ts';
import type { Processes } from '../../ports/leases.ts';

/** Where a process runs: what must be the same here for its pid to mean anything. */
type Place = Pick<Owner, 'host' | 'machine' | 'boot' | 'namespace'>;

/**
 * This process, and whether another is over. Only the kernel that ran it can prove that: the same machine, boot and pid namespace. Another boot
 * proves nothing, because a cloned machine has the host name and the machine id of the original, which may be running still. Where boot or
 * namespace cannot be read (macOS), a host name is all that says it is this machine: a pid that is taken counts as running, so that a suspended
 * run is never written off, and one that is free proves nothing.
 */
export function processes(here: Place = thisPlace()): Processes {
  /** The runs of this process that are not over, by token: the kernel knows of the process alone. */
  const atWork = new Set<string>();
  return {
    self() {
      const token = randomBytes(16).toString('hex');
      atWork.add(token);
      const startedAt = Math.round(Date.now() - process.uptime() * SECOND);
      return { token, ...here, pid: process.pid, startedAt, birth: readBirth(process.pid) };
    },

    end: ({ token }) => void atWork.delete(token),

    fate(owner) {
      if (owner.machine !== here.machine || owner.boot !== here.boot || owner.namespace !== here.namespace) return 'unknowable';
      if (owner.pid === process.pid && isRunning(owner)) return atWork.has(owner.token) ? 'running' : 'over';
      if (isRunning(owner)) return 'running';
      return here.boot !== '' && here.namespace !== '' ? 'over' : 'unknowable';
    },
  };
}

function isRunning({ pid, birth }: Owner): boolean {
  if (!exists(pid)) return false;
  const start = processStart(pid);
  if (start === 'dead') return false;
  return start === 'unreadable' || birth === '' || start.tick === birth;
}

/** True when the pid is taken, by whomever: a process of another user may not be signalled, but it is there. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function readBirth(pid: number): string {
  const start = processStart(pid);
  return typeof start === 'object' ? start.tick : '';
}

function thisPlace(): Place {
  const host = hostname();
  const id = read(() => readFileSync('/etc/machine-id', 'utf8'));
  const machine = createHash('sha256').update(`${host}\n${id}`).digest('hex').slice(0, 16);
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  return { host, machine, boot, namespace };
}

function read(source: () => string): string {
  try {
    return source().trim();
  } catch {
    return '';
  }
}

/**
 * When a process started, in ticks since boot as Linux tells it, `dead` when it has ended and only waits to be collected by its parent,
 * `unreadable` where `/proc` does not say.
 */
export function processStart(pid: number): { tick: string } | 'dead' | 'unreadable' {
  try {
    // The name in parentheses may itself hold spaces and parentheses; what follows the last one is plain.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return 'dead';
    const tick = fields[START_TIME];
    return tick === undefined ? 'unreadable' : { tick };
  } catch {
    return 'unreadable';
  }
}

/** Field 22 of `/proc/<pid>/stat`, counted from the one after the state (field 3). */
const START_TIME = 22 - 4;
