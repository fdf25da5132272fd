import type { World } from '../world.ts';

/**
 * Throws a UsageError that names every problem of the configuration, before the database is opened with its part of it. What only a real
 * line needs is named with the others, but is no problem by itself: the campaign may have been begun in the sandbox.
 */
export function checkConfig(world: World, { sandbox = false }: { sandbox?: boolean }): void {
  try {
    world.config('sandbox');
  } catch (problems) {
    world.config(sandbox ? 'sandbox' : 'send');
    throw problems;
  }
}
