import { isUtf8 } from 'node:buffer';
import { UsageError } from '../../errors.ts';

const SAVE_AS = 'Save it again as "CSV UTF-8" (Excel: Save As; LibreOffice: Text CSV with character set UTF-8).';
const NEWLINE = 0x0a;

/**
 * The bytes of `path` as text, every line end (CRLF, CR) as `\n`, so that lines are the lines an editor shows. UTF-8, or UTF-16 when a
 * byte order mark says so; the mark stays as the first character. Throws UsageError for binary data, and for any other encoding with
 * the line where it shows.
 */
export async function* readText(pieces: AsyncIterable<Buffer>, path: string): AsyncGenerator<string> {
  let decode: Decode | undefined;
  let line = 1;
  let heldBack = '';
  for await (const piece of fromFour(pieces)) {
    decode ??= decoderFor(piece, path);
    const text = heldBack + decode(piece, heldBack && piece[0] !== NEWLINE ? line + 1 : line);
    heldBack = text.endsWith('\r') ? '\r' : '';
    const whole = toLines(heldBack ? text.slice(0, -1) : text, path);
    line += countNewlines(whole);
    yield whole;
  }
  yield toLines(heldBack + (decode?.(null, heldBack ? line + 1 : line) ?? ''), path);
}

/** The same pieces, the first one at least four bytes long where there are as many: what the encoding is told by. */
async function* fromFour(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  let enough = false;
  for await (const piece of pieces) {
    if (enough) yield piece;
    else start = Buffer.concat([start, piece]);
    if (enough || start.length < 4) continue;
    enough = true;
    yield start;
  }
  if (!enough) yield start;
}

/** How many line ends are in a text. */
export function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The next piece as text, what is incomplete at its end kept for the next; null at the end. `line` is where the piece begins. */
type Decode = (piece: Buffer | null, line: number) => string;

function decoderFor(start: Buffer, path: string): Decode {
  if (start[0] === 0xff && start[1] === 0xfe) return utf16('utf-16le', path);
  if (start[0] === 0xfe && start[1] === 0xff) return utf16('utf-16be', path);
  if (start.subarray(0, 4).equals(ZIP) || start.subarray(0, 4).equals(OLE)) {
    throw new UsageError(`${path} is not a CSV file but looks like a spreadsheet`, SAVE_AS);
  }
  return utf8(path);
}

const ZIP = Buffer.from('PK\x03\x04', 'latin1');
const OLE = Buffer.from('\xd0\xcf\x11\xe0', 'latin1');

function utf8(path: string): Decode {
  let rest: Buffer = Buffer.alloc(0);
  return (piece, line) => {
    const bytes = piece === null ? rest : Buffer.concat([rest, piece]);
    const end = piece === null ? bytes.length : completeLength(bytes);
    rest = bytes.subarray(end);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) {
      if (whole.includes(0)) throw binary(path);
      throw new UsageError(`${path}, line ${line + linesBeforeDamage(whole)}: not UTF-8 text`, SAVE_AS);
    }
    return whole.toString('utf8');
  };
}

function utf16(encoding: string, path: string): Decode {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (piece, line) => {
    try {
      return piece === null ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch (error) {
      throw new UsageError(`${path}, at or after line ${line}: damaged ${encoding.toUpperCase()} text`, SAVE_AS, error);
    }
  };
}

/** How many bytes are whole characters: at most three at the end may belong to one that continues in the next piece. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (needs > 1) return needs > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) break;
  }
  return bytes.length;
}

function linesBeforeDamage(bytes: Buffer): number {
  const text = bytes.toString('latin1').replace(/\r\n?/g, (end) => (end.length === 2 ? '\0\n' : '\n'));
  for (let from = 0, lines = 0; ; lines++) {
    const end = text.indexOf('\n', from);
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) return lines;
    from = end + 1;
  }
}

function toLines(text: string, path: string): string {
  if (text.includes('\0')) throw binary(path);
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function binary(path: string): UsageError {
  return new UsageError(`${path} is not a text file (it contains NUL bytes)`, SAVE_AS);
}
