import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/servers.ts'],
    // Generous: a test that hangs is a failure, one on a busy machine is not.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Much of the whole-program tests is waiting: more workers than cores.
    maxWorkers: 3,
    // The style of the sandbox's page is a text to us; without this it would be an empty one.
    css: true,
  },
});
