import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../src/adapters/terminal/ndjson.ts';
import { EVENTS, NOON } from '../adapters/terminal/support.ts';
import { pathOf, read, table, withPart } from './page.ts';
import { type Definition, faultsOf, nameOf, SCHEMA, TYPES } from './schema.ts';

describe('docs/json.md and docs/json-schema.json', () => {
  it('the page says what the schema says (npm run docs)', async () => {
    const page = withPart(read('docs/json.md'), 'objects', TYPES.map(chapterOf).join('\n\n'));
    await expect(page).toMatchFileSnapshot(pathOf('docs/json.md'));
  });

  it.each(Object.values(EVENTS))('an event $type is what the schema says', (event) => {
    const printed = jsonOf(event, NOON);
    expect(printed === null ? '' : faultsOf(printed as { type: string })).toBe('');
  });

  it('a field that is missing, of another type, or not in the schema is noticed', () => {
    const { campaign, ...rest } = jsonOf(EVENTS.batch, NOON) as { type: string; campaign: number };
    expect(faultsOf({ ...rest, campaign } as { type: string })).toBe('');
    for (const wrong of [rest, { ...rest, campaign: String(campaign) }, { ...rest, campaign, more: 1 }, { type: 'unheard_of' }])
      expect(faultsOf(wrong as { type: string })).not.toBe('');
  });

  it('describes every field, and takes no field that it does not describe', () => {
    for (const [name, definition] of Object.entries(SCHEMA.$defs)) {
      for (const [path, part] of partsOf(definition, name)) {
        if (part.properties !== undefined) expect([path, part.additionalProperties]).toEqual([path, false]);
        for (const [field, { description }] of Object.entries(part.properties ?? {})) expect(description, `${path}.${field}`).toBeTruthy();
      }
    }
  });
});

function* partsOf(part: Definition, path: string): Generator<[string, Definition]> {
  yield [path, part];
  for (const [field, inner] of Object.entries(part.properties ?? {})) yield* partsOf(inner, `${path}.${field}`);
  for (const inner of [...(part.anyOf ?? []), ...(part.items ? [part.items] : [])]) yield* partsOf(inner, path);
}

function chapterOf(type: string): string {
  const { description = '', anyOf, ...whole } = SCHEMA.$defs[type] as Definition;
  const shapes = (anyOf ?? [whole as Definition]).map((shape) =>
    shape.$ref === undefined ? shape : (SCHEMA.$defs[nameOf(shape.$ref)] as Definition),
  );
  const bodies = shapes.map((shape) => [
    ...(anyOf === undefined ? [] : [shape.description ?? '']),
    table(['field', 'is', 'says'], rowsOf(shape)),
  ]);
  return [`### \`${type}\``, description, ...bodies.flat()].join('\n\n');
}

/** The fields of an object, those of objects inside it with their path. `?` is a field that may be left out. */
function rowsOf({ properties = {}, required = [] }: Definition, before = ''): string[][] {
  return Object.entries(properties).flatMap(([field, part]) => {
    const name = `${before}${field}`;
    const inner = [part, part.items, ...(part.anyOf ?? [])].find((one) => one?.properties !== undefined);
    const row = [`\`${name}\`${required.includes(field) ? '' : ' ?'}`, kindOf(part), part.description ?? ''];
    return [row, ...(inner === undefined ? [] : rowsOf(inner, `${name}${part.items === undefined ? '.' : '[].'}`))];
  });
}

function kindOf(part: Definition): string {
  if (part.$ref !== undefined) return nameOf(part.$ref);
  if (part.const !== undefined) return `\`${JSON.stringify(part.const)}\``;
  if (part.enum !== undefined) return part.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (part.items !== undefined) return 'list of objects';
  if (part.anyOf !== undefined) return part.anyOf.map(kindOf).join(' or ');
  return [part.type ?? 'object'].flat().join(' or ');
}
