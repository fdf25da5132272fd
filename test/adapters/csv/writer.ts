import fc from 'fast-check';

/** The ways in which programs write the same table. */
export interface Style {
  delimiter: ',' | ';' | '\t';
  newline: '\n' | '\r\n' | '\r';
  quoteAll: boolean;
  encoding: 'utf8' | 'utf8-mark' | 'utf16le' | 'utf16be';
  /** Blank lines at the end, or none and no final line end either. */
  ending: 'none' | 'one' | 'blank lines' | 'empty cells';
}

/** Any of them. */
export const style: fc.Arbitrary<Style> = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t'),
  newline: fc.constantFrom('\n', '\r\n', '\r'),
  quoteAll: fc.boolean(),
  encoding: fc.constantFrom('utf8', 'utf8-mark', 'utf16le', 'utf16be'),
  ending: fc.constantFrom('none', 'one', 'blank lines', 'empty cells'),
});

/** Writes a table as RFC 4180 says, in a style. Cells may hold anything but a lone surrogate or NUL. */
export function writeCsv(table: string[][], style: Style): Buffer {
  const { delimiter, newline, quoteAll, ending } = style;
  const cell = (text: string) => (quoteAll || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = table.map((row) => row.map(cell).join(delimiter));
  const end = {
    none: '',
    one: newline,
    'blank lines': newline.repeat(4),
    'empty cells': newline + delimiter.repeat(3) + newline,
  }[ending];
  return encode(lines.join(newline) + end, style.encoding);
}

function encode(text: string, encoding: Style['encoding']): Buffer {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text);
    case 'utf8-mark':
      return Buffer.from(`\uFEFF${text}`);
    case 'utf16le':
      return Buffer.from(`\uFEFF${text}`, 'utf16le');
    case 'utf16be':
      return Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();
  }
}
