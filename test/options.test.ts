import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../src/commands/run.ts';
import { type Had, OPTIONS, type Options, reads } from '../src/options.ts';

describe('an option that is misspelt', () => {
  const had: Had<'csv' | 'limit'> = { csv: 'people.csv', limit: undefined };

  it('does not compile where a command says what it reads', () => {
    // @ts-expect-error there is no such option
    const options: Pick<Options, 'batchsize'> = {};
    expect(options).not.toHaveProperty('batchSize');
  });

  it('does not compile where a command reads it, or reads one that it does not have', () => {
    expect(reads<{ csv?: string; limit?: string }>(had)).toBe(had);
    // @ts-expect-error the command has no such option
    expect(reads<{ csv?: string; limti?: string }>(had)).toBe(had);
    // @ts-expect-error a command with these two options is not run
    expect(reads<RunOptions>(had)).toBe(had);
  });

  it('is typed as it is named', () => {
    for (const [name, typed] of Object.entries(OPTIONS)) {
      const camel = typed.replace(/^--(no-)?| .*/g, '').replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
      expect(camel).toBe(name);
    }
  });
});
