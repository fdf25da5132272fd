import { readFileSync } from 'node:fs';
import * as z from 'zod';

/** A part of docs/json-schema.json, as far as we use JSON Schema. */
export interface Definition {
  $ref?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Definition[];
  items?: Definition;
  properties?: Record<string, Definition>;
  required?: string[];
  additionalProperties?: boolean;
}

export const SCHEMA: { oneOf: { $ref: string }[]; $defs: Record<string, Definition> } = JSON.parse(
  readFileSync(new URL('../../docs/json-schema.json', import.meta.url), 'utf8'),
);

/** Every type of object that wsend prints, in the order of the page. */
export const TYPES: string[] = SCHEMA.oneOf.map(({ $ref }) => nameOf($ref));

/** The name of the definition that a reference leads to. */
export function nameOf(reference: string): string {
  return reference.slice('#/$defs/'.length);
}

/**
 * What is wrong with an object that wsend printed: empty where the definition of its type takes it. Read by zod, which the program has anyway:
 * another validator would be one more dependency for the same answer.
 */
export function faultsOf(printed: { type: string }): string {
  if (!TYPES.includes(printed.type)) return `no definition of ${printed.type}`;
  const { error } = readerOf(printed.type).safeParse(printed);
  return error === undefined ? '' : `${JSON.stringify(printed)}\n${z.prettifyError(error)}`;
}

const readers = new Map<string, z.ZodType>();

function readerOf(type: string): z.ZodType {
  const reader = readers.get(type) ?? z.fromJSONSchema({ $ref: `#/$defs/${type}`, $defs: SCHEMA.$defs } as never);
  readers.set(type, reader);
  return reader;
}
