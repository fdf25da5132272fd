import { messageOf, UsageError } from '../../errors.ts';
import type { WriteText } from '../../ports/inbox.ts';
import { compileTemplate, type Template } from './template.ts';

/** Templates that are kept understood: of as many campaigns as are likely to get replies at once. */
const MOST_KEPT = 50;

/** Writes texts from templates of the database; one that cannot be understood is a problem of each text, never an error. */
export function textWriter(what: string): WriteText {
  const known = new Map<string, Template | { problem: string }>();
  return (text, fields) => {
    const template = known.get(text) ?? compiled(text, what);
    if (known.size >= MOST_KEPT) known.clear();
    known.set(text, template);
    if ('problem' in template) return template;
    try {
      return template.write(fields);
    } catch (error) {
      return problemOf(error);
    }
  };
}

function compiled(text: string, what: string): Template | { problem: string } {
  try {
    return compileTemplate(text, what);
  } catch (error) {
    return problemOf(error);
  }
}

function problemOf(error: unknown): { problem: string } {
  if (error instanceof UsageError) return { problem: messageOf(error) };
  throw error;
}
