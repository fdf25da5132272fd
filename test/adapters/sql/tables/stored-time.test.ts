import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromStored, toStored } from '../../../../src/adapters/sql/tables/stored-time.ts';

describe('a stored time', () => {
  it.each([
    ['2026-01-02 03:04:05', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02 03:04:05.678', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    ['2026-01-02 03:04:05.678901', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    ['2026-01-02 03:04:05.6', Date.UTC(2026, 0, 2, 3, 4, 5, 600)],
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.678+05:30', Date.UTC(2026, 0, 1, 21, 34, 5, 678)],
    ['2026-01-02 03:04:05+00', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02 03:04:05.1-03', Date.UTC(2026, 0, 2, 6, 4, 5, 100)],
    ['2026-01-02 03:04:05+0530', Date.UTC(2026, 0, 1, 21, 34, 5)],
    ['2026-01-02 03:04', Date.UTC(2026, 0, 2, 3, 4)],
    ['2026-01-02', Date.UTC(2026, 0, 2)],
    [1_767_323_045, Date.UTC(2026, 0, 2, 3, 4, 5)],
    [1_767_323_045_678, Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    [new Date(5), 5],
    ['0000-00-00 00:00:00', null],
    ['infinity', null],
    ['', null],
    [null, null],
    [undefined, null],
  ])('%s is read as UTC', (stored, at) => {
    expect(fromStored(stored)).toBe(at);
  });

  it('is read as it was written, to the millisecond', () => {
    const moment = fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) });
    fc.assert(
      fc.property(moment, fc.constantFrom('sqlite' as const, 'postgres' as const, 'mysql' as const), (at, dialect) => {
        expect(fromStored(toStored(at, dialect))).toBe(at);
      }),
    );
  });
});
