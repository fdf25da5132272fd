import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../src/adapters/liquid/template.ts';
import { trimmed } from '../../../src/core/trimmed.ts';
import { UsageError } from '../../../src/errors.ts';

const LONG = 'x'.repeat(4097);
const columns = ['phone', 'first_name', 'city'];
const ama = { phone: '+2290190000001', first_name: 'Ama', city: 'Cotonou' };
const render = (text: string, fields: Record<string, string> = ama) => compileTemplate(text, '--message').render(fields);

describe('a template', () => {
  test.each([
    ['Hello {{ first_name }}, see you in {{city}}!', 'Hello Ama, see you in Cotonou!'],
    ['no variables at all', 'no variables at all'],
    ['  kept as typed \n', '  kept as typed \n'],
    ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
    ['{{ First_Name }} {{ FIRST-NAME }} {{ first_name }}', 'Ama Ama Ama'],
    ['{{ Prénom }}', 'Léa'],
    ['{{ ["First Name"] }}', 'Ama'],
    ['{{ first_name | upcase }}', 'AMA'],
    ['{{ note | default: "friend" }}', 'friend'],
    ['{{ nickname | default: "friend" }}', 'friend'],
    ['{{ nickname | strip | default: first_name }}', 'Ama'],
    ['{% assign who = nickname | default: "friend" %}Hi {{ who }}', 'Hi friend'],
    ['{% if city == "Cotonou" %}here{% else %}there{% endif %}', 'here'],
    ['{% unless note == blank %}x{% else %}nothing{% endunless %}', 'nothing'],
    ['{% assign parts = tags | split: ";" %}{% for p in parts %}[{{ p }}]{% endfor %}', '[a][b]'],
    ['{{ first_name.size }}', '3'],
    ['{{ html }}', '<b>&"\' {{ city }}'],
    ['{% raw %}{{ city }}{% endraw %}', '{{ city }}'],
    ['{% comment %}{{ nobody }}{% endcomment %}x', 'x'],
    ['https://example.org/?n={{ spaced | url_encode }}', 'https://example.org/?n=a%20b'],
    ['{% if first_name %}{% assign city = "X" %}{% endif %}{{ city }}', 'X'],
    ['{% if note == "no" %}{% assign city = "X" %}{% endif %}{{ city }}', 'Cotonou'],
  ])('%j reads as %j', (text, expected) => {
    expect(render(text, { ...ama, note: '', tags: 'a;b', html: '<b>&"\' {{ city }}', spaced: 'a b', prenom: 'Léa' })).toBe(expected);
  });

  test.each([
    ['{{ first_name', '--message, line 1, column 1: output "{{ first_name" not closed'],
    ['Hi\n{% if city %}', '--message, line 2, column 1: tag {% if city %} not closed'],
    ['{{ city | shout }}', 'undefined filter: shout; the filters are append'],
    ['{{ city | constructor }}', 'undefined filter: constructor'],
    ['{% constructor %}', 'tag "constructor" not found; the tags are assign'],
    ['{% include "/etc/passwd" %}', 'tag "include" not found'],
    ['{% render "x" %}', 'tag "render" not found'],
    ['{% layout "x" %}', 'tag "layout" not found'],
    ['{{ "now" | date: "%s" }}', 'undefined filter: date'],
    ['{{ first_name last_name }}', '--message, line 1, column 4: several values in one place'],
    ['{% assign x = first_name city %}', 'several values in one place'],
    ['{{ }}', '--message, line 1, column 4'],
    ['', '--message is empty'],
    [' \n\t', '--message is empty'],
    ['x'.repeat(65_537), '--message has 65537 characters'],
    [`${'{% if city %}'.repeat(5000)}`, '--message, line 1'],
  ])('%.40j is refused with its place and what is allowed', (text, message) => {
    expect(() => render(text)).toThrow(UsageError);
    expect(() => render(text)).toThrow(message);
  });

  test('all unknown variables of a message are reported at once, each once and with its place, before any row', () => {
    const unknownIn = (text: string) => compileTemplate(text, '--message').unknown(columns);
    expect(unknownIn('Hi {{ first_nam }},\nfrom {{ town }} {{ town }}')).toEqual([
      '--message, line 1, column 7: unknown variable first_nam',
      '--message, line 2, column 9: unknown variable town',
    ]);
    expect(unknownIn('{{ nick }} {{ nobody | default: "x" }} {{ city.name }}')).toEqual([
      '--message, line 1, column 4: unknown variable nick',
      '--message, line 1, column 43: unknown variable city.name',
    ]);
    expect(unknownIn('{{ CITY }} {{ x | default: "" }}')).toEqual([]);
  });

  test('a default for one place does not excuse another', () => {
    const template = compileTemplate('{{ nick | default: "x" }} {{ nick }}', '--message');
    expect(template.unknown(columns)).toEqual(['--message, line 1, column 30: unknown variable nick']);
    expect(template.required).toEqual(['nick']);
    expect(() => template.render(ama)).toThrow('--message, line 1, column 4: undefined variable: nick');
  });

  test('an empty value where there is no default is a problem of its row, unless the template asks about it', () => {
    const problem = (text: string, first_name = '') => {
      const written = compileTemplate(text, '--message').write({ first_name, city: 'Cotonou' });
      return 'problem' in written ? written.problem : null;
    };
    const said = "--message: first_name is empty; {{ first_name | default: '…' }} would fill the gap";
    expect(problem('Hi {{ first_name }}')).toBe(said);
    expect(problem('Hi {{ First_Name }}', ' \u200b ')).toBe(said);
    expect(problem('Hi {{ first_name | upcase }}, {{ first_name | default: "you" }}')).toBe(said);
    expect(problem('Hi {{ first_name }}', 'Ama')).toBe(null);
    expect(problem('Hi {{ first_name | default: "you" }}')).toBe(null);
    expect(problem('Hi{% if first_name != "" %} {{ first_name }}{% endif %} in {{ city }}')).toBe(null);
    expect(
      problem('{% unless city == "x" %}{% case first_name %}{% when "" %}Hi{% else %}{{ first_name }}{% endcase %}{% endunless %}'),
    ).toBe(null);
  });

  test('an unknown variable in a condition or a filter argument is reported too', () => {
    const text =
      '{% if vip %}x{% elsif gold %}y{% endif %}{% case tier %}{% when level %}z{% endcase %}{{ city | append: suffix }}{{ a | default: b }}';
    expect(
      compileTemplate(text, '-m')
        .unknown(columns)
        .map((line) => line.split(' ').at(-1)),
    ).toEqual(['vip', 'gold', 'tier', 'level', 'suffix', 'b']);
  });

  test('it knows which columns it reads, and which of them without a default', () => {
    const template = compileTemplate('{{ City }} {{ first_name | default: "x" }} {% assign y = phone %}{{ y }}', '--message');
    expect(template.variables).toEqual(['city', 'first_name', 'phone']);
    expect(template.required).toEqual(['city', 'phone']);
    expect(template.absent(['City', 'phone'])).toEqual(['first_name']);
    expect(template.absent(['City', 'phone', 'First Name'])).toEqual([]);
  });

  test.each([
    ['{% for i in (1..1000000000) %}x{% endfor %}'],
    ['{% for i in (1..99000) %}{% for j in first_name %}{{ i }}{% endfor %}{% endfor %}'],
    ['{% for i in (1..300) %}{% for j in (1..300) %}{% for k in (1..300) %}{% endfor %}{% endfor %}{% endfor %}'],
    ['{% assign s = city %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}'],
    ['{% assign s = city %}{% for i in (1..60) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}{{ s }}'],
    [`{% for i in (1..90000) %}${'x'.repeat(60_000)}{% endfor %}`],
    ['{% capture s %}{% for i in (1..90000) %}          {% endfor %}x{% endcapture %}{{ s | rstrip | squish }}'],
    [
      '{{ city | slice: 0, 99999999999 | replace: "", first_name | replace: "", first_name | replace: "", city | replace: "", city | replace: "", city | replace: "", city }}',
    ],
  ])('%.60j ends with an error within a second or so, however much it asks for', (text) => {
    const start = performance.now();
    expect(() => render(text)).toThrow(UsageError);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('one that loops for ever stops the check; one that only fails for a row refuses the row', () => {
    const heavy = compileTemplate(
      '{% assign l = list | split: "" %}{% for i in l %}{% for j in l %}{% for k in l %}{{ i }}{% endfor %}{% endfor %}{% endfor %}',
      '-m',
    );
    expect(() => heavy.write({ list: 'x'.repeat(3000) })).toThrow('-m takes longer than 500 ms for one text: it loops too often');
    expect(heavy.write({ list: 'xy' })).toEqual({ text: 'xxxxyyyy' });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'globalThis', 'process', 'this'])(
    '%s is a column or nothing',
    (name) => {
      expect(compileTemplate(`{{ ${name} }}`, '-m').unknown(columns)).toHaveLength(1);
      expect(() => render(`{{ ${name} }}`)).toThrow(UsageError);
      expect(() => render(`{{ city.${name} }}`)).toThrow(UsageError);
      expect(() => render(`{% assign k = "${name}" %}{{ city[k] }}`)).toThrow(UsageError);
      expect(render(`{{ ${name} | default: "nothing" }}`)).toBe('nothing');
    },
  );

  test.each([
    ['{{ city }}', { city: ' \n' }, 'empty'],
    ['{{ city }}', { city: LONG }, '4097'],
    ['{{ city }}', { city: 'a\0b' }, 'Unicode'],
    ['{{ city }}', { city: '\ud83d' }, 'Unicode'],
    ['{{ city | url_encode }}', { city: '\ud800' }, 'URI'],
    ['{{ city | divided_by: 0 | append: }}', { city: '1' }, 'append expect 2 arguments'],
  ])('%j has no text that can be sent', (text, fields, reason) => {
    expect(compileTemplate(text, '--message').write(fields)).toEqual({
      problem: expect.stringMatching(new RegExp(`^--message.*${reason}`)),
    });
  });

  test('a text of exactly 4096 characters can be sent', () => {
    expect(render('{{ city }}', { city: 'x'.repeat(4096) })).toHaveLength(4096);
  });

  test('any template at all gives a text or an error that a person can read', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        '{{',
        '}}',
        '{%',
        '%}',
        '{{-',
        '-%}',
        ' first_name ',
        ' if ',
        ' endif ',
        ' for ',
        ' in ',
        ' endfor ',
        '|',
        ' default: ',
        '"',
        "'",
        '(1..3)',
        '.',
        '[',
      ),
      fc.constantFrom(
        '{{ city }}',
        '{% if city %}',
        '{% endif %}',
        '{% for a in (1..3) %}',
        '{% endfor %}',
        '{% raw %}',
        '{% assign a = city %}',
        '{{ a[b].c }}',
        '{% #',
        'not ',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          expect(typeof render(pieces.join(''))).toBe('string');
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          expect(error.message).toMatch(/^--message/);
        }
      }),
      { numRuns: 600 },
    );
  });

  test('any nesting, any loops and any length end in a text or an error that a person can read', () => {
    const deep = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(3_000));
    const template = fc.oneof(
      deep.map((depth) => `${'{% if city %}'.repeat(depth)}x${'{% endif %}'.repeat(depth)}`),
      deep.map((depth) => `${'{% for a in (1..9) %}'.repeat(Math.ceil(depth / 100))}x${'{% endfor %}'.repeat(Math.ceil(depth / 100))}`),
      deep.map((depth) => `{{ ${'('.repeat(depth)}1..2${')'.repeat(depth)} }}`),
      deep.map((depth) => `{{ city${' | append: city'.repeat(depth)} }}`),
      fc.integer({ min: 1, max: 60 }).map((depth) => `{{ city${'[city'.repeat(depth)}${']'.repeat(depth)} }}`),
      deep.map((depth) => `{% assign a = city %}${'{% assign a = a | append: a %}'.repeat(depth)}{{ a }}`),
      fc.constantFrom('{% for a in (1..99999999) %}{% endfor %}', '{{ city | append: city | split: "" | join: city | split: "" | size }}'),
    );
    fc.assert(
      fc.property(template, (text) => {
        try {
          expect(typeof render(text)).toBe('string');
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          expect(error.message).toMatch(/^--message(?!.*call stack)/);
        }
      }),
      { numRuns: 25, examples: [[`{{ ${'('.repeat(3_000)}1..2${')'.repeat(3_000)} }}`]] },
    );
  });

  test('any value goes in as it is', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).filter((text) => !/[\r\0\ud800-\udfff]/.test(text));
    // A value of nothing but blanks is none (trimmed), and is refused before anything is sent.
    const isThere = (text: string) => trimmed(text) !== '';
    fc.assert(fc.property(value.filter(isThere), (text) => render('<{{ x }}>', { x: text }) === `<${text}>`));
  });
});
