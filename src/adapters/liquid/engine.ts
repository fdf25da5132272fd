import { Liquid } from 'liquidjs';

/** The longest template, in UTF-16 code units: sixteen times the longest text, our own bound. */
export const LONGEST_TEMPLATE = 65_536;

/** The longest that one text may take to render, in milliseconds. A usual one takes a hundredth of a millisecond. */
export const RENDER_LIMIT_MS = 500;

/** How many characters and list items one rendering may create on the way: 24 times the longest text. */
const MEMORY_LIMIT = 100_000;

/** The tags a template may use. None of them reaches a file, a clock or another row. */
export const TAGS = ['assign', 'break', 'capture', 'case', 'comment', 'continue', 'cycle', 'for', 'if', 'raw', 'unless', '#'];

/**
 * The filters a template may use: those that give the same text for the same row every time, in time linear in its length.
 * Not `date` (it depends on the clock and time zone of the machine) and not `sample` (it is random): a row is rendered once
 * to be checked and again to be stored, and both must agree.
 */
export const FILTERS = [
  ...['append', 'capitalize', 'default', 'downcase', 'lstrip', 'normalize_whitespace', 'prepend', 'remove', 'remove_first', 'remove_last'],
  ...['replace', 'replace_first', 'replace_last', 'rstrip', 'size', 'slice', 'split', 'squish', 'strip', 'strip_newlines', 'truncate'],
  ...['truncatewords', 'upcase', 'url_encode', 'first', 'join', 'last', 'reverse', 'sort', 'uniq'],
  ...['abs', 'at_least', 'at_most', 'ceil', 'divided_by', 'floor', 'minus', 'modulo', 'plus', 'round', 'times'],
];

/** A Liquid engine that knows nothing but its row: no files, no globals, no inherited properties, only the tags and filters above. */
export function createEngine(): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    templates: {},
    dynamicPartials: false,
    parseLimit: LONGEST_TEMPLATE,
    renderLimit: RENDER_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT,
  });
  keepOnly(engine.tags, TAGS);
  keepOnly(engine.filters, FILTERS);
  engine.registerFilter('url_encode', function (value: unknown) {
    const text = String(value ?? '');
    this.context.memoryLimit.use(text.length);
    return encodeURIComponent(text);
  });
  return engine;
}

function keepOnly(table: Record<string, unknown>, allowed: string[]): void {
  for (const name of Object.keys(table)) if (!allowed.includes(name)) delete table[name];
  Object.setPrototypeOf(table, null);
}
