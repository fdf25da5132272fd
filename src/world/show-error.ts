import { knownError } from '../errors.ts';
import { wantsColor } from '../flags.ts';
import type { Outside } from '../outside.ts';

/** The one place where an error becomes a line on stderr, a next step and an exit code; resolves to the code. */
export async function showError(seen: unknown, argv: string[], outside: Outside): Promise<number> {
  const { stderr } = outside;
  const error = knownError(seen);
  const { errorJson, errorText } = await import('../adapters/terminal/error-text.ts').catch((cause) => Promise.reject(knownError(cause)));
  const color = stderr.isTTY && wantsColor({ color: !argv.includes('--no-color') }, outside);
  const json = errorJson(error);
  stderr.write(argv.includes('--json') ? `${JSON.stringify(json)}\n` : errorText(error, { color, debug: argv.includes('--debug') }));
  return json.code;
}
