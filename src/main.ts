import { fstatSync } from 'node:fs';
import { safeOutput, wholeFile } from './adapters/terminal/output.ts';
import { run, showError } from './cli.ts';
import { EXIT, InfrastructureError } from './errors.ts';
import type { Outside, StopSignal } from './outside.ts';

// The only file that says `process`: everything else gets what it needs handed in.

const SIGNALS: StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const argv = process.argv.slice(2);

/** Says at once that the result is lost, and leaves no exit code 0; what is under way goes on to its end. */
function resultLost(reason: string): void {
  process.on('exit', (code) => {
    if (code === EXIT.done) process.exitCode = EXIT.bug;
  });
  const next = 'Write it to a place with room. wsend status shows what became of a campaign.';
  void showError(new InfrastructureError(`the result could not be written: ${reason}`, next), argv, outside);
}

const outside: Outside = {
  stdout: safeOutput(fstatSync(1).isFile() ? wholeFile(1) : process.stdout, resultLost),
  stderr: safeOutput(process.stderr),
  env: process.env,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  onSignal(handler) {
    for (const signal of SIGNALS) process.on(signal, () => handler(signal));
    return () => {
      for (const signal of SIGNALS) process.removeAllListeners(signal);
    };
  },
  onBug(handler) {
    process.on('uncaughtException', handler);
    process.on('unhandledRejection', handler);
  },
  async ask(question) {
    const { createInterface } = await import('node:readline');
    const line = createInterface({ input: process.stdin, output: process.stderr });
    // At a terminal it takes Ctrl-C for itself; here it is for whoever watches signals.
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
  leave: (code) => process.exit(code),
};

process.exitCode = await run(argv, outside).catch((bug) => {
  process.stderr.write(`wsend: unexpected: ${bug instanceof Error ? bug.stack : String(bug)}\n`);
  return EXIT.bug;
});
