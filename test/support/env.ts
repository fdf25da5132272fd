// The servers that tests may use; undefined where there is none. Set before the workers start, see servers.ts.

export const postgresUrl: string | undefined = process.env.WSEND_TEST_POSTGRES_URL;
export const mysqlUrl: string | undefined = process.env.WSEND_TEST_MYSQL_URL;
export const redisUrl: string | undefined = process.env.WSEND_TEST_REDIS_URL;
/** Whether tests can start a Redis of their own, to kill, fill and lock. */
export const redisProgram: boolean = process.env.WSEND_TEST_REDIS_PROGRAM === '1';

/** The path of a Chromium, or undefined where there is none. */
export const browserProgram: string | undefined = process.env.WSEND_TEST_CHROMIUM;

/** The address of one numbered database of the Redis, so that suites do not meet; undefined where there is no Redis. */
export function redisDatabase(number: number): string | undefined {
  if (redisUrl === undefined) return undefined;
  const url = new URL(redisUrl);
  url.pathname = `/${number}`;
  return url.href;
}
