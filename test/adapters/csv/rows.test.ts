import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Format } from '../../../src/adapters/csv/delimiter.ts';
import { type Row, readRows } from '../../../src/adapters/csv/rows.ts';
import { UsageError } from '../../../src/errors.ts';
import { style, writeCsv } from './writer.ts';

async function readAll(bytes: Buffer, pieceSize = 64 * 1024): Promise<{ rows: Row[]; format: Format | undefined }> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
  }
  let format: Format | undefined;
  const rows: Row[] = [];
  for await (const row of readRows(pieces(), 'people.csv', (found) => (format = found))) rows.push(row);
  return { rows, format };
}
const read = async (text: string | Buffer) => (await readAll(Buffer.from(text as string))).rows;
const cellsOf = async (text: string) => (await read(text)).map((row) => row.cells);

const cell = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc
      .array(fc.constantFrom('"', ',', ';', '\t', '\n', ' ', 'é', '😀', 'a', '=', '\u2028'), { maxLength: 8 })
      .map((parts) => parts.join('')),
  )
  .filter((text) => !/[\r\0]|\p{Surrogate}/u.test(text));

test('any table written by another program, in any style, is read back the same, with the lines an editor shows', async () => {
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 12 }));
  await fc.assert(
    fc.asyncProperty(table, style, fc.integer({ min: 1, max: 90 }), async (body, how, pieceSize) => {
      const rows = body.filter((row) => row.some((text) => text.trim() !== ''));
      const header = ['phone', 'first name', 'city', 'note'].slice(0, rows[0]?.length ?? 2);
      const { rows: found, format } = await readAll(writeCsv([header, ...rows], how), pieceSize);
      expect(found.map((row) => row.cells)).toEqual([header, ...rows]);
      expect(format).toEqual({ delimiter: how.delimiter, mark: how.encoding !== 'utf8' });
      let line = 1;
      for (const row of found) {
        expect(row.line).toBe(line);
        line += row.cells.join('').split('\n').length;
      }
    }),
    { numRuns: 200 },
  );
});

describe('the layout is told by the header', () => {
  test.each([
    [
      'a,b;c,d\n1,2;3,4',
      [
        ['a', 'b;c', 'd'],
        ['1', '2;3', '4'],
      ],
    ],
    [
      '"a,b,c";d\n1;2',
      [
        ['a,b,c', 'd'],
        ['1', '2'],
      ],
    ],
    [
      'a\tb, c\n1\t2',
      [
        ['a', 'b, c'],
        ['1', '2'],
      ],
    ],
    ['phone\n1\n2', [['phone'], ['1'], ['2']]],
    [
      'sep=;\na,b;c\n1;2',
      [
        ['a,b', 'c'],
        ['1', '2'],
      ],
    ],
    [
      '\uFEFFsep=\t\r\na\tb\r\n1\t2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      '\n \n;;;\na;b\n1;2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      '"a\nb";c\n1;2',
      [
        ['a\nb', 'c'],
        ['1', '2'],
      ],
    ],
  ])('%j', async (text, cells) => {
    expect(await cellsOf(text)).toEqual(cells);
  });
});

test('rows keep their length, however many cells they have; blank rows are left out', async () => {
  expect(await read('a,b\n1\n\n1,2,3\n,\n  ,\n1,2')).toEqual([
    { line: 1, cells: ['a', 'b'] },
    { line: 2, cells: ['1'] },
    { line: 4, cells: ['1', '2', '3'] },
    { line: 7, cells: ['1', '2'] },
  ]);
});

describe('broken quotes are refused with their line', () => {
  test.each([
    ['a,b\n1,"2\n3,4\n', 'people.csv, line 2: a quote that opens in this row is never closed'],
    ['a,b\n"1\n1",2\n\n3,"4', 'people.csv, line 5: a quote that opens in this row is never closed'],
    [`a,b\n1,2\n3,"${'x\n'.repeat(80_000)}`, 'people.csv, line 3: this row is longer than 128 KB'],
    ['\n\na,b\n1,2\n3,4" x\n', 'people.csv, line 5: a quote in the middle of a cell'],
    ['a,b\n1,"Jo" D\n', 'people.csv, line 2: text after a closing quote'],
    ['a,b\n1,"Jo\nKo,"x"\n', 'people.csv, line 3: text after a closing quote, in the row that begins on line 2'],
    ['"a,b\n1,2\n', 'people.csv: a quote on the first line is never closed'],
    [`${'a'.repeat(300_000)}\n1`, 'people.csv has no header: its first line is longer than 128 KB'],
  ])('%.30j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(UsageError);
    await expect(read(text)).rejects.toThrow(message);
  });
});

describe('what is not text is refused', () => {
  test.each<[string, Buffer, string]>([
    ['Windows-1252', Buffer.from('phone,name\r\n1,Ama\r\n2,caf\xe9 noir\r\n', 'latin1'), 'people.csv, line 3: not UTF-8 text'],
    ['a character cut off at the end', Buffer.from('phone,name\n1,caf\xc3', 'latin1'), 'people.csv, line 2: not UTF-8 text'],
    ['Windows-1252 after old line ends', Buffer.from('phone\r1\r2\r\xe9', 'latin1'), 'people.csv, line 4: not UTF-8 text'],
    ['binary', Buffer.from([112, 0, 1, 2, 255]), 'people.csv is not a text file (it contains NUL bytes)'],
    ['UTF-16 without a mark', Buffer.from('phone,name\n', 'utf16le'), 'people.csv is not a text file'],
    ['a NUL', Buffer.from('phone,name\n1,a\0b\n'), 'people.csv is not a text file'],
    ['UTF-16 with half a character', Buffer.from('\uFEFFphone,name\n1,\ud83d\n', 'utf16le'), 'damaged UTF-16LE text'],
    ['UTF-16 with an odd byte', Buffer.concat([Buffer.from('\uFEFFphone\n1', 'utf16le'), Buffer.from([65])]), 'damaged UTF-16LE text'],
    ['a workbook', Buffer.from('PK\x03\x04abcdef', 'latin1'), 'looks like a spreadsheet'],
  ])('%s', async (_, bytes, message) => {
    for (const pieceSize of [1, 7, 1000]) {
      const reading = readAll(bytes, Math.max(pieceSize, bytes[0] === 0x50 ? 4 : 1));
      await expect(reading).rejects.toThrow(UsageError);
      await expect(reading).rejects.toThrow(message);
    }
  });

  test('the error says how to save the file', async () => {
    await expect(read(Buffer.from('phone\n\xe9', 'latin1'))).rejects.toMatchObject({ next: expect.stringContaining('CSV UTF-8') });
  });

  test('a damaged byte far down is found on its own line', async () => {
    const lines = Array.from({ length: 10_000 }, (_, n) => `${n},"é\r\nà"\r\n`).join('');
    const bytes = Buffer.concat([Buffer.from(`phone,name\r\n${lines}`), Buffer.from('1,\xe9\r\n', 'latin1'), Buffer.from(lines)]);
    await expect(readAll(bytes, 4099)).rejects.toThrow('people.csv, line 20002: not UTF-8 text');
  });
});
