import type { Milliseconds } from '../core/units.ts';

/** One answer of the sandbox, and what befalls it on its way. */
export interface Reply {
  status: number;
  type: 'application/json' | 'text/html';
  body: string;
  headers?: Record<string, string>;
  /** Waited before it is sent; 0 when absent. */
  waitMs?: Milliseconds;
  /** `reset`: the connection is reset instead. `cut`: half of the body is sent, then the connection ends. */
  fate?: 'reset' | 'cut';
}

/** An answer in JSON. */
export function json(status: number, value: unknown): Reply {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

/** An error as the real API words it: `{status, message, errorCode?, errors?}`. */
export function problem(
  status: number,
  message: string,
  more: { errorCode?: string; errors?: { path: string; message: string }[] } = {},
): Reply {
  return json(status, { status, message, ...more });
}

/** There is nothing under this path. */
export function notFound(path: string): Reply {
  return problem(404, `There is nothing at ${path.slice(0, 100)}`);
}

/** There is something, but not for this method. */
export function notAllowed(method: string, allowed: string): Reply {
  return { ...problem(405, `${method} is not allowed here`), headers: { allow: allowed } };
}

/** An error as a proxy before the real API words it. */
export function webPage(status: number, title: string): Reply {
  const body = `<!DOCTYPE html><html><head><title>${status} ${title}</title></head><body><center><h1>${status} ${title}</h1></center></body></html>`;
  return { status, type: 'text/html', body };
}
