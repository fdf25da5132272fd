import { readFileSync, realpathSync } from 'node:fs';

/** True when a file is itself a mount point, as with `docker run -v ./wsend.db:/app/wsend.db`; false where the system does not say (it has no /proc). */
export function isMountPoint(path: string): boolean {
  try {
    return mountPointsIn(readFileSync('/proc/self/mountinfo', 'utf8')).has(realpathSync(path));
  } catch {
    return false;
  }
}

/** The mount points that a text as in `/proc/self/mountinfo` names: its fifth column, in which blanks and backslashes are octal numbers. */
export function mountPointsIn(mountinfo: string): Set<string> {
  const paths = mountinfo.split('\n').flatMap((line) => line.split(' ')[MOUNT_POINT] ?? []);
  return new Set(paths.map((path) => path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))));
}

const MOUNT_POINT = 4;
