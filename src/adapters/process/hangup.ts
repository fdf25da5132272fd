import { fstatSync, readFileSync } from 'node:fs';

/**
 * True when the program that started this process had it ignore SIGHUP, as `nohup` does. Node itself forgets that before our code runs, so it is told by
 * what `nohup` leaves behind: its name in `_`, where a shell such as bash or zsh sets it; a standard input that was the terminal and
 * cannot be read; or a parent that ignores SIGHUP, and so does what it starts (a script under nohup, or with `trap '' HUP`). The last two on Linux
 * alone.
 */
export function ignoresHangup(env: Record<string, string | undefined>): boolean {
  return /(^|\/)nohup$/.test(env._ ?? '') || holds(hasUnreadableInput) || holds(() => ignoresFirstSignal(process.ppid));
}

function hasUnreadableInput(): boolean {
  const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1'))?.[1] ?? '0', 8);
  const WRITE_ONLY = 1;
  return (flags & 3) === WRITE_ONLY && fstatSync(0).isCharacterDevice();
}

/** SIGHUP is signal 1: the lowest bit. */
function ignoresFirstSignal(pid: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
}

function holds(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    // No /proc here.
    return false;
  }
}
