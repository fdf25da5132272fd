/** A value as JSON in plain ASCII, which every store takes: PostgreSQL keeps wsend's own tables in the encoding of the operator's database. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
