import { expect, test } from 'vitest';
import { mistakenPlaces } from '../../src/core/mistaken-places.ts';

const COLUMNS = ['phone', 'first_name', 'classe'];
const found = (text: string) => mistakenPlaces(text, COLUMNS).map(({ written, advice }) => `${written} → ${advice}`);

test.each([
  ['Hello {first_name}!', "{first_name} → for each person's own, write {{ first_name }}"],
  ['Hello { First Name }!', "{ First Name } → for each person's own, write {{ first_name }}"],
  ['Hello \u0024{first_name}', "\u0024{first_name} → for each person's own, write {{ first_name }}"],
  ['Hello [first_name]', "[first_name] → for each person's own, write {{ first_name }}"],
  ['Hello [last_name]', "[last_name] → for each person's own, write {{ last_name }}"],
  ['Hello [Classe]', "[Classe] → for each person's own, write {{ classe }}"],
  ['Hello %first_name%', "%first_name% → for each person's own, write {{ first_name }}"],
  ['Hello ((first_name))', "((first_name)) → for each person's own, write {{ first_name }}"],
  ['Hello <<first_name>>', "<<first_name>> → for each person's own, write {{ first_name }}"],
  ['Bonjour «classe»', "«classe» → for each person's own, write {{ classe }}"],
  ['Hello\\nWorld', '\\n → write a real line end instead (--message @file.txt takes the text from a file)'],
  ['Hello<br>World', '<br> → write a real line end instead (--message @file.txt takes the text from a file)'],
  ['{Hello|Hi} there', '{Hello|Hi} → there is no random choice; write one of them'],
  ['Hello {{1}}', '{{1}} → that is a 1 for everyone; name a column, as in {{ first_name }}'],
])('%j was likely meant otherwise', (text, notice) => {
  expect(found(text)).toEqual([notice]);
});

test.each([
  'Hello {{ first_name }}, {{first_name|default:"you"}}',
  "{{ classe | replace: '\\n', '{a|b}' }}",
  '{% if classe == "[first_name]" %}x{% endif %}',
  'Down 50% and 20% more (see [our site], «Bonjour», ((1)))',
  'One line\nand another: 3 < 4 > 2',
  '1 {} 2',
  '',
])('%j is as it should be', (text) => {
  expect(found(text)).toEqual([]);
});

test('each is said once, and all of them', () => {
  expect(found('{first_name} {first_name}\\n{{1}}\\n{{2}}')).toHaveLength(4);
});
