import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { freshDatabase, isAvailable } from '../support/databases.ts';
import { createExistingDatabase } from '../support/existing-database.ts';
import { type StandIn, standIn } from '../support/stand-in.ts';
import { expectComplaint, expectTidy } from './expectations.ts';
import { events, Place, phones, QUICK } from './program.ts';

// What a machine does to a campaign: it mounts the SQLite file by itself, or sets its clock.

const PACE = { ...QUICK, WASSENGER_RATE_LIMIT_SECONDS: '0.03', WASSENGER_LOOKUP_SECONDS: '0.5' };
const COUNT = 30;
const FILE = ['run', '--csv', 'people.csv', '--message', 'Hello {{name}}'];

interface Scene {
  account: StandIn;
  place: Place;
}

async function begin({ onTestFinished }: TestContext): Promise<Scene> {
  const account = await standIn();
  onTestFinished(() => account.close());
  const place = new Place({ ...PACE, ...account.env });
  onTestFinished(() => place.leave());
  place.people(COUNT);
  return { account, place };
}

/** Runs the program where `to` is the file or folder `from`, mounted: as in a container that was given just that. */
function mounted(from: string, to: string): { through: (command: string) => [string, ...string[]] } {
  return { through: (command) => ['unshare', '--mount', 'sh', '-c', `mount --bind '${from}' '${to}' && exec ${command}`] };
}

describe.runIf(canMount()).concurrent('an SQLite file that is mounted by itself', { timeout: 60_000 }, () => {
  // Beside it there is a second file with what was written last, and that one would stay behind.
  const words = /wsend\.db.*\bmount/i;

  it('is refused before anything is sent, and the reason given: its folder is to be mounted', async (test) => {
    const { account, place } = await begin(test);
    mkdirSync(place.path('outside'));
    writeFileSync(place.path('outside/wsend.db'), '');
    writeFileSync(place.path('wsend.db'), '');
    const where = mounted(place.path('outside/wsend.db'), place.path('wsend.db'));
    for (const args of [FILE, ['resume', '--all'], ['listen', '--port', '0']]) {
      const outcome = await place.run(args, { WASSENGER_WEBHOOK_SECRET: 'abcdefghijklmnop1234' }, where);
      expectComplaint(outcome, 2, words);
      expect(outcome.stderr).toMatch(/folder|directory/i);
    }
    expect(statSync(place.path('outside/wsend.db')).size).toBe(0);
    const doctor = await place.run(['doctor'], {}, where);
    expect([doctor.code, doctor.stdout], doctor.stderr).toEqual([
      2,
      expect.stringMatching(new RegExp(`^PROBLEM database.*${words.source}`, 'im')),
    ]);
    expect(account.taken).toHaveLength(0);
  });

  it("is refused with a campaign in it, by its own name and by a link's", async (test) => {
    const { account, place } = await begin(test);
    const database = await createExistingDatabase('sqlite');
    test.onTestFinished(() => database.drop());
    const path = database.url.slice('sqlite:'.length);
    mkdirSync(place.path('inside'));
    copyFileSync(path, place.path('inside/wsend.db'));
    symlinkSync(place.path('inside/wsend.db'), place.path('link.db'));
    for (const name of ['inside/wsend.db', 'link.db']) {
      const env = { DATABASE_URL: `sqlite:${place.path(name)}` };
      const outcome = await place.run(['run', '--campaign', '42'], env, mounted(path, place.path('inside/wsend.db')));
      expect(account.taken).toHaveLength(0);
      expectComplaint(outcome, 2, /\.db.*\bmount/i);
    }
    expect(await database.query("select name from sqlite_master where name like 'wsend_%'")).toEqual([]);
  });

  it('is well where its folder is mounted instead: killed and resumed, everyone gets it once', async (test) => {
    const { account, place } = await begin(test);
    for (const folder of ['outside', 'data']) mkdirSync(place.path(folder));
    const env = { DATABASE_URL: `sqlite:${place.path('data/wsend.db')}` };
    const where = mounted(place.path('outside'), place.path('data'));
    const first = place.start([...FILE, '--json'], env, where);
    await first.tells('sent', 5);
    first.process.kill('SIGKILL');
    await first.ended;
    const second = await place.run(['resume', '1', '--json'], env, where);
    expect(account.twice()).toHaveLength(0);
    expect(second.code, second.stderr).toBe(0);
    expectTidy(second);
    expect(account.phones()).toEqual(phones(COUNT).sort());
  });
});

const clock = clockLibrary();

/** Runs whose wall clock is ahead by the seconds that the file `clock` in their folder says, once there is one. */
const clocked = (place: Place) => ({ LD_PRELOAD: clock ?? '', TEST_CLOCK: place.path('clock') });

describe.runIf(clock !== undefined).concurrent('a clock that is set', { timeout: 60_000 }, () => {
  for (const dialect of (['sqlite', 'postgres', 'mysql'] as const).filter(isAvailable)) {
    const on = async (test: TestContext): Promise<Scene> => {
      const scene = await begin(test);
      const database = await freshDatabase(dialect);
      test.onTestFinished(() => database.drop());
      Object.assign(scene.place.env, { DATABASE_URL: database.url, WASSENGER_RATE_LIMIT_SECONDS: '0.1' });
      return scene;
    };

    for (const [words, seconds] of [
      ['20 s forward', '20'],
      ['20 s back', '-20'],
    ] as const)
      it(`${words} in mid-run, on ${dialect}: the run goes on, and everyone gets it once`, async (test) => {
        const { account, place } = await on(test);
        const run = place.start([...FILE, '--json'], clocked(place));
        await run.tells('sent', 8);
        place.write('clock', seconds);
        const outcome = await run.ended;
        expect(account.twice()).toHaveLength(0);
        expect(outcome.code, outcome.stderr).toBe(0);
        expectTidy(outcome);
        expect(events(outcome).at(-1)).toMatchObject({ type: 'summary', sent: COUNT, pending: 0, in_doubt: 0 });
        expect(account.phones()).toEqual(phones(COUNT).sort());
      });

    if (dialect !== 'sqlite')
      it(`an hour ahead, on another machine: it does not take the campaign of a run that sends, on ${dialect}`, async (test) => {
        const { account, place } = await on(test);
        const run = place.start([...FILE, '--json', '--delay', '0.3']);
        await run.tells('sent', 2);
        place.write('clock', '3600');
        mkdirSync(place.path('elsewhere'));
        const other = await place.run(['resume', '1'], clocked(place), { cwd: place.path('elsewhere') });
        expect(other.code, other.stderr).toBe(7);
        const outcome = await run.ended;
        expect(account.twice()).toHaveLength(0);
        expect(outcome.code, outcome.stderr).toBe(0);
        expect(account.phones()).toEqual(phones(COUNT).sort());
      });
  }
});

/** Root may mount, outside a container without that right. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'wsend-test-mount-'));
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), name);
  const tried = spawnSync('unshare', ['--mount', 'sh', '-c', `mount --bind '${folder}/a' '${folder}/b' && cat '${folder}/b'`]);
  rmSync(folder, { recursive: true, force: true });
  if (String(tried.stdout) === 'a') return true;
  process.stderr.write('\n!!! THE TESTS OF A MOUNTED SQLITE FILE CANNOT RUN: only root may mount one.\n');
  return false;
}

/**
 * A library that sets the wall clock of one program forward by the seconds that the file `$TEST_CLOCK` says, as soon as there is one, and
 * leaves the monotonic one as it is.
 */
function clockLibrary(): string | undefined {
  const code = `
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) {
  static long seconds, looked;
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  long tick = now.tv_sec * 50 + now.tv_nsec / 20000000;
  if (tick == looked) return seconds;
  looked = tick;
  char *path = getenv("TEST_CLOCK");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
  return seconds;
}
int clock_gettime(clockid_t id, struct timespec *to) {
  int failed = syscall(SYS_clock_gettime, id, to);
  if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) to->tv_sec += ahead();
  return failed;
}
int gettimeofday(struct timeval *restrict to, void *restrict zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
`;
  const folder = mkdtempSync(join(tmpdir(), 'wsend-test-clock-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const [source, library] = [join(folder, 'clock.c'), join(folder, 'clock.so')];
  writeFileSync(source, code);
  const made = process.platform === 'linux' && spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source]).status === 0;
  if (made) return library;
  process.stderr.write('\n!!! THE TESTS OF A CLOCK THAT IS SET CANNOT RUN: they need Linux and a C compiler (cc).\n');
  return undefined;
}
