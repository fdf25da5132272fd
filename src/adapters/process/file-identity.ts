import { statSync } from 'node:fs';
import { processes } from './processes.ts';

/** Tells a file from every other, copies and replacements included; the same for all processes that run on one kernel. */
export function fileIdentity(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  const { boot, machine } = processes().self();
  return `${boot || machine}:${dev}:${ino}`;
}
