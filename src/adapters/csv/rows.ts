import { pipeline, Readable } from 'node:stream';
import { CsvError, type Parser, parse } from 'csv-parse';
import { UsageError } from '../../errors.ts';
import { WANTED } from './bytes.ts';
import { announcedDelimiter, detectDelimiter, type Format, findHeader } from './delimiter.ts';
import { countNewlines, readText } from './file-text.ts';

/** The longest row, in bytes (our bound: a text has at most 4096 characters). Beyond it a quote was certainly left open. */
const LONGEST_ROW = 128 * 1024;

/** One row as it stands in the file. */
export interface Row {
  /** The line on which it begins, as an editor counts. */
  line: number;
  cells: string[];
}

/**
 * The rows of a CSV file from its bytes, the header first; rows whose cells are all blank are left out. Comma, semicolon or tab as the
 * header says. `onFormat` is called once, before the first row. Throws UsageError, with the line, where quotes do not match.
 */
export async function* readRows(pieces: AsyncIterable<Buffer>, path: string, onFormat: (format: Format) => void): AsyncGenerator<Row> {
  const text = readText(pieces, path);
  let parser: Parser | undefined;
  let line = 1;
  let above = 0;
  const toRow = (cells: string[]): Row | null => {
    const row = { line, cells };
    line++;
    for (const cell of cells) if (cell.includes('\n')) line += countNewlines(cell);
    return cells.some((cell) => cell.trim() !== '') ? row : null;
  };
  try {
    const start = await readStart(text, path);
    onFormat(start.format);
    line = start.line;
    above = start.line - 1;
    parser = parse({
      delimiter: start.format.delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      max_record_size: LONGEST_ROW,
      on_record: toRow as unknown as (cells: string[]) => string[],
    });
    pipeline(Readable.from(chain(start.text, text)), parser, () => {});
    yield* parser as AsyncIterable<Row>;
  } catch (error) {
    throw error instanceof CsvError ? explain(error, { row: line, here: above + Number(error.lines) }, path) : error;
  } finally {
    parser?.destroy();
    await text.return(undefined);
  }
}

async function* chain(start: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield start;
  yield* rest;
}

/** Reads until the header is whole; the text from there on, the line on which it begins, and the layout that it tells. */
async function readStart(text: AsyncGenerator<string>, path: string): Promise<{ text: string; line: number; format: Format }> {
  let read = '';
  let ended = false;
  while (findHeader(read) === undefined && read.length <= LONGEST_ROW && !ended) {
    const next = await text.next();
    if (next.done) ended = true;
    else read += next.value;
  }
  if (ended && !read.endsWith('\n')) read += '\n';
  const mark = read.startsWith('\uFEFF');
  const whole = mark ? read.slice(1) : read;
  const announced = announcedDelimiter(whole.slice(0, whole.indexOf('\n')));
  const skipped = announced === undefined ? 0 : whole.indexOf('\n') + 1;
  const header = findHeader(whole.slice(skipped));
  if (!header) throw new UsageError(headerless(whole, path), WANTED);
  const begin = skipped + header.begin;
  const delimiter = announced ?? detectDelimiter(whole.slice(begin, skipped + header.end));
  return { text: whole.slice(begin), line: 1 + countNewlines(whole.slice(0, begin)), format: { delimiter, mark } };
}

function headerless(text: string, path: string): string {
  if (!/[^\s,;]/.test(text)) return `${path} is empty`;
  if (text.includes('"')) return `${path}: a quote on the first line is never closed`;
  return `${path} has no header: its first line is longer than ${LONGEST_ROW / 1024} KB`;
}

/** The parser's complaint in our words; `row` is the line on which the row begins that it could not finish. */
function explain(error: CsvError, line: { row: number; here: number }, path: string): Error {
  const [place, what] = complaint(error.code, line);
  return what === undefined ? error : new UsageError(`${path}, line ${place}: ${what}`, QUOTING, error);
}

function complaint(code: string, { row, here }: { row: number; here: number }): [line: number, what?: string] {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return [row, 'a quote that opens in this row is never closed'];
    case 'CSV_MAX_RECORD_SIZE':
      return [row, `this row is longer than ${LONGEST_ROW / 1024} KB; a quote in it is probably never closed`];
    case 'CSV_INVALID_CLOSING_QUOTE':
      return [here, `text after a closing quote${here === row ? '' : `, in the row that begins on line ${row}`}`];
    case 'INVALID_OPENING_QUOTE':
      return [here, 'a quote in the middle of a cell'];
    default:
      return [row];
  }
}

const QUOTING = 'Put the whole cell in quotes and write a quote inside it twice: "the ""Star"" café".';
