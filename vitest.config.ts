import { defineConfig } from 'vitest/config';

/** Tests of a duration, which other tests beside them would stretch: they run last, and one at a time. */
const TIMED = ['test/cli/hundred.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/servers.ts'],
    // Generous: a test that hangs is a failure, one on a busy machine is not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The style of the sandbox's page is a text to us; without this it would be an empty one.
    css: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: TIMED,
          // Much of the whole-program tests is waiting: more workers than cores.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'timed', include: TIMED, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
