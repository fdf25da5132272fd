import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { SECOND } from '../../core/units.ts';
import type { Owner, Processes } from '../../ports.ts';
import { processStart } from './process-start.ts';

/** This process, and whether the process behind a lock is over. Reads `/proc` where there is one; elsewhere only the pid can be asked. */
export function processes(): Processes {
  const here = whereWeAre();
  return {
    self: () => ({
      token: randomBytes(16).toString('hex'),
      ...here.place,
      pid: process.pid,
      startedAt: Math.round(Date.now() - process.uptime() * SECOND),
      birth: readBirth(process.pid),
    }),

    fate(owner) {
      const { machine, boot, namespace } = here.place;
      if (owner.machine !== machine) return 'unknowable';
      if (owner.boot !== '' && boot !== '' && owner.boot !== boot) return here.machineIsCertain ? 'over' : 'unknowable';
      if (owner.boot !== boot || owner.namespace !== namespace) return 'unknowable';
      return isRunning(owner) ? 'running' : 'over';
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

/** Without a machine id the host name alone must do, and then another boot may be another machine of that name. */
function whereWeAre(): { place: Pick<Owner, 'host' | 'machine' | 'boot' | 'namespace'>; machineIsCertain: boolean } {
  const host = hostname();
  const id = read(() => readFileSync('/etc/machine-id', 'utf8'));
  const machine = createHash('sha256').update(`${host}\n${id}`).digest('hex').slice(0, 16);
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  return { place: { host, machine, boot, namespace }, machineIsCertain: /^[0-9a-f]{32}$/.test(id) };
}

function read(source: () => string): string {
  try {
    return source().trim();
  } catch {
    return '';
  }
}
