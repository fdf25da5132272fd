import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ignoresHangup } from '../adapters/process/hangup.ts';
import { safeOutput } from '../adapters/terminal/safe-output.ts';
import { wholeFile } from '../adapters/terminal/streams.ts';
import { plainLines } from '../adapters/terminal/terminal-text.ts';
import type { Output } from '../ports/output.ts';

/** Of a result that nobody takes now so much is kept: some 90,000 events of --json, two days at the fastest pace. */
const RESULT_KEPT = 32e6;
/** Of everything else: a thousand lines. */
const LINES_KEPT = 128_000;

type Stream = Writable & { isTTY?: boolean; columns?: number };

/**
 * The two streams of a process. At a terminal both are one: what is written to them in turn is read in that order, however late. `onLost` is called
 * with the reason when the result cannot be written.
 */
export function openStreams(
  process: { stdout: Stream; stderr: Stream },
  onLost: (reason: string) => void,
): { stdout: Output; stderr: Output } {
  const stderr = safeOutput(process.stderr, { most: LINES_KEPT });
  const [to, other] = [fstatSync(1), fstatSync(2)];
  if (process.stdout.isTTY && stderr.isTTY && to.rdev === other.rdev) return { stdout: stderr, stderr };
  return { stdout: safeOutput(to.isFile() ? wholeFile(1) : process.stdout, { most: RESULT_KEPT, onLost }), stderr };
}

/** True when the process is to live on when its terminal is closed. */
export function survivesHangup(env: Record<string, string | undefined>): boolean {
  return ignoresHangup(env);
}

/** What is said when nothing else can be loaded: lines that cannot drive a terminal. */
export function lastWords(text: string): string {
  return plainLines(`wsend: ${text}\n`);
}
