import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { processes, processStart } from '../../../src/adapters/process/processes.ts';
import type { Owner } from '../../../src/core/checkpoint.ts';

describe('whether the run behind a lock is over', () => {
  const { self, fate } = processes();
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function sleeper(): Promise<{ child: ChildProcess; owner: Owner }> {
    const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => undefined, 1e6)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    const pid = child.pid as number;
    const start = processStart(pid);
    return { child, owner: { ...self(), pid, birth: typeof start === 'object' ? start.tick : '' } };
  }

  test('this process is running, and says when it began', () => {
    const owner = self();
    expect(fate(owner)).toBe('running');
    expect(Math.abs(owner.startedAt - (Date.now() - process.uptime() * 1_000))).toBeLessThan(2_000);
    expect(owner).toMatchObject({ pid: process.pid, host: expect.stringMatching(/./), machine: expect.stringMatching(/^[0-9a-f]{16}$/) });
  });

  test('every run has a token of its own', () => {
    expect(new Set(Array.from({ length: 100 }, () => self().token)).size).toBe(100);
  });

  test('a running process runs, one that is killed is over', async () => {
    const { child, owner } = await sleeper();
    expect(fate(owner)).toBe('running');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(fate(owner)).toBe('over');
  });

  test('a suspended process still counts as running: it may wake up and send', async () => {
    const { child, owner } = await sleeper();
    child.kill('SIGSTOP');
    expect(fate(owner)).toBe('running');
  });

  test.runIf(process.platform === 'linux')('a process that died but was not collected by its parent is over', async () => {
    const script = 'sleep 1 & echo $!; exec sleep 60';
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [pid] = await once(child.stdout, 'data');
    const start = processStart(Number(pid));
    const owner = { ...self(), pid: Number(pid), birth: typeof start === 'object' ? start.tick : '' };
    expect(fate(owner)).toBe('running');
    await expect.poll(() => fate(owner), { timeout: 5_000 }).toBe('over');
    expect(spawnSync('ps', ['-o', 'stat=', '-p', `${owner.pid}`]).stdout.toString()).toMatch(/^Z/);
  });

  test.runIf(process.platform === 'linux')('a process that has the number of a dead one is not taken for it', async () => {
    const { owner } = await sleeper();
    expect(fate({ ...owner, birth: `${Number(owner.birth) - 1}` })).toBe('over');
    expect(fate({ ...owner, startedAt: owner.startedAt + 3_600_000 }), 'whatever the clock was set to since').toBe('running');
  });

  test('a number that nobody has is over', () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    expect(fate({ ...self(), pid: gone })).toBe('over');
  });

  test('a process of another user is there, although it may not be signalled', () => {
    const start = processStart(1);
    expect(fate({ ...self(), pid: 1, birth: typeof start === 'object' ? start.tick : '' })).toBe('running');
  });

  test('what runs on another machine cannot be known', () => {
    expect(fate({ ...self(), machine: 'another' })).toBe('unknowable');
  });

  test.runIf(self().boot !== '')(
    'another boot, another container or an unknown boot proves nothing: a cloned machine has the same name and id',
    () => {
      const gone = spawnSync(process.execPath, ['-e', '']).pid;
      for (const pid of [gone, process.pid]) {
        expect(fate({ ...self(), pid, boot: 'another' })).toBe('unknowable');
        expect(fate({ ...self(), pid, namespace: 'pid:[1]' })).toBe('unknowable');
        expect(fate({ ...self(), pid, boot: '' })).toBe('unknowable');
      }
    },
  );

  test.each([
    { boot: '', namespace: '' },
    { boot: 'b', namespace: '' },
    { boot: '', namespace: 'n' },
  ])('where the kernel does not say which boot or container this is, a free number proves nothing, and a taken one runs: %j', (unread) => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const there = processes({ host: 'office', machine: 'm', ...unread });
    expect(there.fate({ ...there.self(), pid: gone })).toBe('unknowable');
    expect(there.fate(there.self())).toBe('running');
    expect(there.fate({ ...there.self(), machine: 'another' })).toBe('unknowable');
  });
});
