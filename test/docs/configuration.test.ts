import { describe, expect, it } from 'vitest';
import { SETTINGS, type Setting } from '../../src/settings.ts';
import { pathOf, read, table, withPart } from './page.ts';

/** A longer default is cut here; .env.example has it whole. */
const LONGEST_DEFAULT = 40;

describe('docs/configuration.md', () => {
  it('has every setting as the program has it (npm run docs)', async () => {
    const head = ['variable (flag)', 'default', 'allowed', 'meaning'];
    const page = withPart(read('docs/configuration.md'), 'settings', table(head, Object.values(SETTINGS).map(rowOf)));
    await expect(page).toMatchFileSnapshot(pathOf('docs/configuration.md'));
  });
});

function rowOf({ variable, flag, fallback, allowed, about }: Setting): string[] {
  const shown = fallback.length > LONGEST_DEFAULT ? `${fallback.split(',').slice(0, 2).join(',')},…` : fallback;
  return [`\`${variable}\`${flag === null ? '' : ` (\`${flag}\`)`}`, shown === '' ? '' : `\`${shown}\``, allowed, about];
}
