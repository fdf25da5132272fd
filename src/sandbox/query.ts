import type { EpochMs } from '../core/units.ts';
import { problem, type Reply } from './contact-reply.ts';

/** The most messages on one page of a list, and how many there are when nothing is asked. */
const LARGEST_PAGE = 100;
const USUAL_PAGE = 20;

/** Which page a list is asked for: `size` (20) from `page` (0, at most `lastPage`); or the refusal. */
export function readPage(query: URLSearchParams, lastPage: number): { size: number; page: number } | Reply {
  const [size, page] = [Number(query.get('size') ?? USUAL_PAGE), Number(query.get('page') ?? 0)];
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE) return problem(400, `size must be from 1 to ${LARGEST_PAGE}`);
  if (!Number.isInteger(page) || page < 0 || page > lastPage) return problem(400, `page must be a whole number from 0 to ${lastPage}`);
  return { size, page };
}

/** The open stretch of time between two parameters (ISO 8601, or seconds), unbounded where one is not given; or the refusal. */
export function readStretch(query: URLSearchParams, after: string, before: string): { after: EpochMs; before: EpochMs } | Reply {
  const stretch = { after: moment(query.get(after), 0), before: moment(query.get(before), Number.MAX_SAFE_INTEGER) };
  const isWrong = Number.isNaN(stretch.after) || Number.isNaN(stretch.before);
  return isWrong ? problem(400, `${after} and ${before} must be times in ISO 8601 or seconds`) : stretch;
}

function moment(text: string | null, usual: EpochMs): EpochMs {
  if (text === null) return usual;
  return /^\d{9,11}$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
}
