import { SECOND, toSeconds } from '../core/units.ts';

/** How one kind of fault setting is typed, read and shown. `show` gives back what `parse` takes. */
export interface Kind<T> {
  argument: string;
  /** What is allowed, for the complaint about a wrong one. */
  allowed: string;
  parse(text: string): T | undefined;
  show(value: T): string;
}

/** From `min` to `max`, both included. */
export interface Range {
  min: number;
  max: number;
}

/** Numbers that are refused: by pattern (`+15550111`, `*0000`, `+229*`), and a share of all. */
export interface Rejection {
  patterns: string[];
  share: number;
}

/** `0.05` or `5%`: of 1. */
export const share: Kind<number> = {
  argument: '<share>',
  allowed: 'a share from 0 to 1 (0.05) or a percentage (5%)',
  parse: parseShare,
  show: String,
};

/** A whole number from 0. */
export const count: Kind<number> = {
  argument: '<n>',
  allowed: 'a whole number from 0 to 999999999',
  parse: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  show: String,
};

/** Messages per minute, with decimals. */
export const perMinute: Kind<number> = {
  argument: '<per minute>',
  allowed: 'messages per minute from 0 to 100000, decimals with a point (0.5)',
  parse: (text) => (/^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined),
  show: String,
};

/** A whole number of `unit` from 0. */
export function whole(unit: 'ms' | 'seconds'): Kind<number> {
  return { ...count, argument: `<${unit}>`, allowed: `${unit === 'ms' ? 'milliseconds' : unit}, ${count.allowed}` };
}

/** Milliseconds, fixed (`200`) or from a range (`100-900`). */
export const milliseconds: Kind<Range> = {
  argument: '<ms|min-max>',
  allowed: 'milliseconds (200) or a range of them (100-900), at most 600000',
  parse: (text) => parseRange(text, 1, 600_000),
  show: ({ min, max }) => (min === max ? String(min) : `${min}-${max}`),
};

/** Seconds as typed, in milliseconds: a stretch of time (`10-40`), or the first so many (`30`). Empty while both ends are equal. */
export const stretch: Kind<Range> = {
  argument: '<seconds|from-to>',
  allowed: 'seconds (30: the first 30 s) or a stretch of them (10-40), at most 86400',
  parse: (text) => {
    const range = parseRange(text, SECOND, 86_400 * SECOND);
    return range === undefined || text.includes('-') ? range : { min: 0, max: range.max };
  },
  show: ({ min, max }) => (min === 0 ? String(toSeconds(max)) : `${toSeconds(min)}-${toSeconds(max)}`),
};

/** Patterns, a share, or both, between commas. */
export const rejection: Kind<Rejection> = {
  argument: '<number,…|share>',
  allowed: 'numbers with * for any digits (+15550111,*0000), a share (0.05 or 5%), or both, between commas',
  parse: (text) => {
    const parts = text.split(',').map((part) => part.trim());
    const shares = parts.map(parseShare).filter((portion) => portion !== undefined);
    const patterns = parts.filter((part) => part !== '' && parseShare(part) === undefined);
    return patterns.every(isPattern) ? { patterns, share: Math.max(0, ...shares) } : undefined;
  },
  show: (value) => [...value.patterns, ...(value.share > 0 || value.patterns.length === 0 ? [String(value.share)] : [])].join(','),
};

/** Texts, one of which is taken each time. */
export const texts: Kind<string[]> = {
  argument: '<text|…>',
  allowed: 'a text, or several between bars (Yes|No, thank you|STOP), none of them empty, at most 1000 characters in all',
  parse: (typed) => {
    const found = typed.split('|').map((text) => text.trim());
    return typed.length <= 1_000 && found.every((text) => text !== '') ? found : undefined;
  },
  show: (value) => value.join('|'),
};

/** One of some words. */
export function oneOf<Word extends string>(...words: Word[]): Kind<Word> {
  return {
    argument: `<${words.length > 4 ? 'state' : words.join('|')}>`,
    allowed: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
    show: (word) => word,
  };
}

/** True when a number fits a pattern: `*` stands for any digits, also none, and a `+` may be left out. */
export function fits(pattern: string, phone: string): boolean {
  return new RegExp(`^\\+?${pattern.replace('+', '').replace(/\*+/g, '\\d*')}$`).test(phone);
}

function isPattern(text: string): boolean {
  return /^\+?\d{7,15}$/.test(text) || /^\+?(?=.*\*)[\d*]{1,16}$/.test(text);
}

function parseShare(text: string): number | undefined {
  const [, digits, percent] = /^((?:0|[1-9]\d*)(?:\.\d+)?(?:e-\d+)?|\.\d+)\s*(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent === '%' ? 100 : 1);
  return value >= 0 && value <= 1 ? value : undefined;
}

function parseRange(text: string, unit: number, limit: number): Range | undefined {
  const [, from, to = from] = /^(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  const [min, max] = [Math.round(Number(from) * unit), Math.round(Number(to) * unit)];
  return min <= max && max <= limit ? { min, max } : undefined;
}

/** How a 2xx may look that does not confirm the message. */
export const ODD_ANSWERS = ['error', 'no-success', 'page', 'empty', 'list', 'null', 'no-content', 'failed', 'stranger'] as const;
export type OddAnswer = (typeof ODD_ANSWERS)[number];
