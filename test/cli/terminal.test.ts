import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, type TestContext } from 'vitest';
import { terminalAfter } from '../adapters/terminal/support.ts';
import { expectEveryoneOnce } from './expectations.ts';
import { inPseudoTerminal, Place, phones, QUICK, type Sandbox, type Started } from './program.ts';

const hasScript = /util-linux/.test(String(spawnSync('script', ['--version']).stdout));
if (!hasScript) process.stderr.write('\n!!! THE TESTS OF THE TERMINAL CANNOT RUN: install util-linux, which has the command `script`.\n');

const RUN = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}'];
const CTRL_C = '\x03';
const CTRL_S = '\x13';
const CTRL_Q = '\x11';

async function scene(
  finished: TestContext['onTestFinished'],
  count: number,
  ...faults: string[]
): Promise<{ place: Place; sandbox: Sandbox }> {
  const place = new Place({ ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.1' });
  finished(() => place.leave());
  place.people(count);
  return { place, sandbox: await place.sandbox('latency=5-40', ...faults) };
}

/** What a person had before their eyes in the end; fails where a line was longer than the terminal is wide. */
function screen(output: string, columns: number): string {
  for (const frame of output.split(/[\r\n]+/)) {
    const line = stripVTControlCharacters(frame);
    if (/[█░]/.test(line)) expect(line.length, line).toBeLessThan(columns);
  }
  const { rows, cursorShown, wraps } = terminalAfter([output], columns);
  expect({ cursorShown, wraps }).toEqual({ cursorShown: true, wraps: true });
  return rows.join('\n');
}

const type = (running: Started, keys: string) => running.process.stdin?.write(keys);

describe.runIf(hasScript).concurrent('in a terminal', { timeout: 60_000 }, () => {
  it.for([80, 120])(
    'of %i columns: a bar that never wraps, with a countdown in pauses, and nothing of it left at the end',
    async (columns, { onTestFinished }) => {
      const { place, sandbox } = await scene(onTestFinished, 36, `reject=${phones(36)[30]}`);
      const running = place.startInTerminal([...RUN, '--yes', '--batch-size', '12', '--batch-pause', '2'], columns);
      const { code, stdout } = await running.ended;
      expect(code, stdout).toBe(3);
      const seen = stripVTControlCharacters(stdout);
      expect(seen).toMatch(/[█░]{5,} +\d+ % .*\d+\/36/);
      expect(seen).toMatch(/every 0\.1 s/);
      expect(seen).toMatch(columns === 120 ? /batch 2 of 3/ : /batch 2[ /]/);
      expect(seen).toMatch(/\d:\d\d left/);
      for (const left of ['0:02', '0:01']) expect(seen).toContain(`pause ${left}`);
      expect(stdout.indexOf('\x1b[?25l')).toBeGreaterThan(0);

      const end = screen(stdout, columns);
      expect(end).not.toMatch(/[█░⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
      expect(end).toMatch(/^Campaign 1, people\.csv\n {2}to send +36 recipients\n/m);
      expect(end).toMatch(/^\d\d:\d\d:\d\d {2}failed {2}\+229\*+11 {2}phone:invalid: .*$/m);
      expect(end).toMatch(/^Campaign 1 is finished, but 1 failed *\n {2}sent +35\n/m);
      expect(await sandbox.accepted()).toHaveLength(35);
    },
  );

  it('it asks before it sends to people, and everything but yes sends nothing', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 12);
    for (const [at, keys] of ['n\r', '\r', 'yesterday\r', CTRL_C, '\x04'].entries()) {
      const asked = place.startInTerminal(at === 0 ? RUN : ['resume', '1'], 80);
      await asked.says('Send to 12 people now? [y/N] ');
      type(asked, keys);
      const { code, stdout } = await asked.ended;
      expect(code, stdout).toBe(keys === CTRL_C ? 130 : 2);
      const words = keys === CTRL_C ? 'Campaign 1 is interrupted; nothing is lost' : 'Nothing was sent. Next: wsend resume 1';
      expect(stripVTControlCharacters(stdout)).toContain(words);
      expect(await sandbox.accepted()).toEqual([]);
    }
    const asked = place.startInTerminal(['resume', '1'], 80);
    await asked.says('[y/N] ');
    type(asked, 'y\r');
    expect((await asked.ended).code).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(12);
  });

  it('it asks before it tries the failed again, and no leaves them as they are', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 12);
    await sandbox.set({ reject: phones(1)[0] });
    expect((await place.run(RUN)).code).toBe(3);
    const asked = place.startInTerminal(['retry', '1'], 80);
    await asked.says('Send to 1 person now? [y/N] ');
    type(asked, 'n\r');
    const { code, stdout } = await asked.ended;
    expect([code, stripVTControlCharacters(stdout)]).toEqual([2, expect.stringContaining('Nothing was sent. Next: wsend retry 1')]);
    expect(JSON.parse((await place.run(['status', '1', '--json'])).stdout)).toMatchObject({ failed: 1, pending: 0, status: 'completed' });
  });

  it('it does not ask in the sandbox, nor with --yes, nor when a script reads it', async ({ onTestFinished }) => {
    const { place } = await scene(onTestFinished, 3);
    for (const [text, extra] of [
      ['a', '--sandbox'],
      ['b', '--yes'],
      ['c', '--json'],
    ] as const) {
      const { code, stdout } = await place.startInTerminal(['run', '--csv', 'people.csv', '--message', text, extra], 80).ended;
      expect(code, stdout).toBe(0);
      expect(stdout).not.toContain('[y/N]');
    }
  });

  it('Ctrl-C ends it with what was in flight recorded, the line about it whole, and the cursor back', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 60);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [4-9]\/60/);
    type(running, CTRL_C);
    const { code, stdout } = await running.ended;
    expect(code, stdout).toBe(130);
    const end = screen(stdout, 80);
    expect(end).toMatch(/^(\^C)?\d\d:\d\d:\d\d {2}finishing the calls in flight; press Ctrl-C again to leave at once *$/m);
    expect(end).toMatch(/Campaign 1 is interrupted; nothing is lost *\n[\s\S]*Next: wsend resume 1/);
    expect(end).not.toMatch(/[█░]/);
    await expectEveryoneOnce(place, sandbox, phones(60));
  });

  it('Ctrl-C twice leaves at once, with the cursor back and the command to go on', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 40);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [4-9]\/40/);
    await sandbox.set({ latency: '600000' });
    const before = (await sandbox.accepted()).length;
    while ((await sandbox.accepted()).length < before + 2) await sleep(50);
    type(running, CTRL_C);
    await running.says('finishing the calls in flight');
    type(running, CTRL_C);
    const { code, stdout } = await running.ended;
    expect(code, stdout).toBe(130);
    expect(screen(stdout, 80)).toContain('Next: wsend resume 1');
    await sandbox.set({ latency: '5' });
    await expectEveryoneOnce(place, sandbox, phones(40));
  });

  it('a terminal that is closed stops it like a signal: nothing is lost', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 60);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [4-9]\/60/);
    running.process.kill('SIGKILL');
    await running.ended;
    let state = 'running';
    while (state === 'running') state = JSON.parse((await place.run(['status', '1', '--json'])).stdout).state;
    const status = JSON.parse((await place.run(['status', '1', '--json'])).stdout);
    expect(status).toMatchObject({ state: 'paused', paused: { reason: 'signal', detail: 'SIGHUP' }, in_doubt: 0 });
    expect(await sandbox.accepted()).toHaveLength(status.sent);
    await expectEveryoneOnce(place, sandbox, phones(60));
  });

  it('one that takes no output (Ctrl-S) holds nothing up, and shows the rest once it does (Ctrl-Q)', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 40, `reject=${phones(40)[30]}`);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [2-6]\/40/);
    type(running, CTRL_S);
    while ((await sandbox.accepted()).length < 39) await sleep(50);
    expect(stripVTControlCharacters(running.stdout())).not.toContain('phone:invalid');
    const status = JSON.parse((await place.run(['status', '1', '--json'])).stdout);
    expect(status.sent + status.pending).toBeGreaterThan(30);
    type(running, CTRL_Q);
    const { code, stdout } = await running.ended;
    expect(code, stdout).toBe(3);
    const end = screen(stdout, 80);
    expect(end).toMatch(/^\d\d:\d\d:\d\d {2}failed .*phone:invalid/m);
    expect(end).toMatch(/^Campaign 1 is finished, but 1 failed *\n {2}sent +39\n/m);
    expect(end).not.toMatch(/[█░]/);
  });

  it('one that never takes output again ends with the campaign, half a minute after its last word', { timeout: 120_000 }, async ({
    onTestFinished,
  }) => {
    const { place, sandbox } = await scene(onTestFinished, 20);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [2-6]\/20/);
    type(running, CTRL_S);
    expect((await running.ended).code).toBe(0);
    expect(await sandbox.accepted()).toHaveLength(20);
    expect(JSON.parse((await place.run(['status', '1', '--json'])).stdout)).toMatchObject({ status: 'completed', sent: 20 });
  });

  it('Ctrl-C twice leaves one that takes no output', async ({ onTestFinished }) => {
    const { place, sandbox } = await scene(onTestFinished, 40);
    const running = place.startInTerminal([...RUN, '--yes'], 80);
    await running.says(/ [4-9]\/40/);
    await sandbox.set({ latency: '600000' });
    const before = (await sandbox.accepted()).length;
    while ((await sandbox.accepted()).length < before + 2) await sleep(50);
    type(running, CTRL_S);
    await sleep(300);
    const pressedAt = performance.now();
    // Ctrl-C also lets a terminal go on; a signal from elsewhere does not.
    const pid = String(spawnSync('pgrep', ['-P', String(running.process.pid), '-f', 'wsend']).stdout).trim();
    process.kill(Number(pid), 'SIGINT');
    await sleep(300);
    process.kill(Number(pid), 'SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(performance.now() - pressedAt).toBeLessThan(10_000);
  });

  it('colours where it is one, none with --no-color or NO_COLOR, plain lines where it is dumb', async ({ onTestFinished }) => {
    const { place } = await scene(onTestFinished, 6);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
    const COLOUR = /\x1b\[\d[\d;]*m/;
    const shown = async (text: string, flags: string[], env: Record<string, string> = {}) => {
      const { code, stdout } = await place.startInTerminal(['run', '--csv', 'people.csv', '--message', text, '--yes', ...flags], 80, env)
        .ended;
      expect(code, stdout).toBe(0);
      return stdout;
    };
    expect(await shown('a', [])).toMatch(COLOUR);
    for (const plain of [await shown('b', ['--no-color']), await shown('c', [], { NO_COLOR: '1' })]) {
      expect(plain).not.toMatch(COLOUR);
      expect(plain).toMatch(/[█░]/);
    }
    const dumb = await shown('d', [], { TERM: 'dumb' });
    expect(dumb).not.toContain('\x1b');
    expect(dumb).toContain('0/6 sent');
    const wrong = await place.startInTerminal(['resume', '99', '--no-color'], 80).ended;
    expect(wrong).toMatchObject({ code: 2, stdout: expect.stringMatching(/^wsend: there is no campaign 99 in the database\r\n/) });
  });

  it('npm run demo: in half a minute a campaign with a pause and a slower batch, and how to look at it', { timeout: 30_000 }, async ({
    onTestFinished,
  }) => {
    const demo = fileURLToPath(new URL('../../examples/demo.mjs', import.meta.url));
    const [program, ...args] = inPseudoTerminal(`'${process.execPath}' '${demo}'`, 80);
    const { PATH = '' } = process.env;
    const child = spawn(program, args, { env: { PATH, TERM: 'xterm-256color' }, stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill());
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const [code] = await once(child, 'close');
    expect(code, stdout).toBe(0);
    expect(stripVTControlCharacters(stdout)).toMatch(/pause 0:0[123]/);
    const end = screen(stdout, 80);
    expect(end).toMatch(/slower, every 0\.45 s instead of 0\.3 s: .* failed/);
    expect(end).toMatch(/Campaign 1 is finished, but 2 failed/);
    expect(end).toContain('wsend status 1');
  });
});
