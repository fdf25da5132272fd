import { ConfigurationError, UsageError } from '../errors.ts';
import type { World } from '../world.ts';
import { readCount } from './arguments.ts';

/** Throws a UsageError that names every problem of the configuration and of `--limit`, before the database is opened with its part of it. */
export function checkConfig(world: World, { limit }: { limit?: string }): void {
  checkAll(
    () => world.config(world.purpose),
    () => limit === undefined || readCount(limit, '--limit'),
  );
}

/** Makes every check. Throws the UsageError of the one that fails, or one with the problems of all that do. */
export function checkAll(...checks: (() => unknown)[]): void {
  const errors = checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof UsageError) return [error];
      throw error;
    }
  });
  if (errors.length === 1) throw errors[0];
  if (errors.length === 0) return;
  const problems = errors.flatMap((error) => (error instanceof ConfigurationError ? error.problems : [error.message]));
  throw new ConfigurationError(problems, errors.find(({ next }) => next !== undefined)?.next);
}
