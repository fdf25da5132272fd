import { readFileSync } from 'node:fs';

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
