import { safeOutput } from './adapters/terminal/output.ts';
import { run } from './cli.ts';
import { EXIT } from './errors.ts';
import type { StopSignal } from './outside.ts';

// The only file that says `process`: everything else gets what it needs handed in.

const SIGNALS: StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

process.exitCode = await run(process.argv.slice(2), {
  stdout: safeOutput(process.stdout),
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
}).catch((bug) => {
  process.stderr.write(`wsend: unexpected: ${bug instanceof Error ? bug.stack : String(bug)}\n`);
  return EXIT.bug;
});
