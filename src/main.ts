import { run } from './cli.ts';
import { EXIT, InfrastructureError, UserError } from './errors.ts';
import type { Outside, StopSignal } from './outside.ts';
import { PATIENCE } from './ports/output.ts';
import { showError } from './world/show-error.ts';
import { lastWords, openStreams, survivesHangup } from './world/standard-streams.ts';

// The only file that says `process`: everything else gets what it needs handed in.

const outlives = survivesHangup(process.env);
if (outlives) process.on('SIGHUP', () => undefined);
const SIGNALS: StopSignal[] = outlives ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The wait for a reader where the process is to end at once. */
const AT_ONCE_MS = 300;

const argv = process.argv.slice(2);

// Stacks then name lines of the sources, in all that is loaded from here on. Reading the maps takes time that is not spent otherwise.
if (argv.includes('--debug')) process.setSourceMapsEnabled(true);

/** Says at once that the result is lost, and leaves no exit code 0; what is under way continues to its end. */
function resultLost(reason: string): void {
  process.on('exit', (code) => {
    if (code === EXIT.done) process.exitCode = EXIT.bug;
  });
  const next = 'Write it to a place with room. wsend status shows what became of a campaign.';
  said = showError(new InfrastructureError(`the result could not be written: ${reason}`, next), argv, outside);
}
let said: Promise<unknown> = Promise.resolve();

const streams = openStreams(process, resultLost);
const { stderr } = streams;

const outside: Outside = {
  ...streams,
  env: process.env,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  onSignal(handler) {
    for (const signal of SIGNALS) process.on(signal, handler);
    return () => {
      for (const signal of SIGNALS) process.off(signal, handler);
    };
  },
  onBug(handler) {
    process.on('uncaughtException', handler);
    process.on('unhandledRejection', handler);
  },
  async ask(question) {
    const { createInterface } = await import('node:readline');
    const line = createInterface({ input: process.stdin, output: process.stderr });
    // At a terminal it takes Ctrl-C for itself; here it is for the code that watches signals.
    line.on('SIGINT', () => {
      process.stderr.write('\n');
      process.kill(process.pid, 'SIGINT');
    });
    return new Promise((resolve) => {
      line.once('close', () => resolve(''));
      line.question(question, (answer) => {
        resolve(answer);
        line.close();
      });
    });
  },
  leave(code) {
    if (outside.stdout.idle() && stderr.idle()) process.exit(code);
    void allTaken(AT_ONCE_MS).then(() => process.exit(code));
  },
};

/** Resolves once what was written has left, or is given up after so long without a reader: first the result, then what is said about it. */
async function allTaken(patience?: number): Promise<boolean> {
  const result = await outside.stdout.settled(patience);
  await said;
  return (await stderr.settled(patience ?? PATIENCE)) && result;
}

process.exitCode = await run(argv, outside).catch((bug) => {
  // What would show it cannot be loaded: it says as much as it can.
  const text =
    bug instanceof UserError ? `${bug.message}\n  next: ${bug.next}` : `unexpected: ${bug instanceof Error ? bug.stack : String(bug)}`;
  outside.stderr.write(argv.includes('--json') ? `${JSON.stringify({ type: 'error', code: EXIT.bug, message: text })}\n` : lastWords(text));
  return EXIT.bug;
});
// A result waits for its reader as that of any program does. What a run had to wait for, it has given up by now.
if (!(await allTaken())) process.exit();
