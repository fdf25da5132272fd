// `npm run pictures`: makes docs/pictures/run.svg from the real program, so that the picture never lies. Runs the demo in a pseudo-terminal (the
// command `script` of util-linux), plays what it wrote through a terminal emulator, and keeps the frames that a person would have seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import terminals from '@xterm/headless';

const COLUMNS = 96;
const ROWS = 20;
/** A frame is looked at this often, and shown that long. */
const FRAME_MS = 400;
/** How long the last frame stays before the film begins again. */
const LAST_MS = 6_000;
const CELL = { width: 8.4, height: 18 };
const MARGIN = 16;
/** The sixteen colours of a terminal, as on many a dark one. */
const COLOURS =
  '#3b4252 #e06c75 #98c379 #e5c07b #61afef #c678dd #56b6c2 #d8dee9 #7f8898 #ff7b86 #b5e890 #ffd68a #82c4ff #e29af0 #7fd7e3 #ffffff'.split(
    ' ',
  );

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const frames = await film(`${process.execPath} ${here('../../examples/demo.mjs')}`);
writeFileSync(here('run.svg'), svgOf(frames));
console.log(`docs/pictures/run.svg: ${frames.length} frames`);

/** What a terminal shows while a command runs: each different screen, with the time for which it stood. */
async function film(command) {
  const terminal = new terminals.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true, convertEol: false });
  const inTerminal = `stty cols ${COLUMNS} rows ${ROWS}; exec ${command}`;
  const child = spawn('script', ['--quiet', '--flush', '--return', '--command', inTerminal, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', FORCE_COLOR: '1', NO_COLOR: undefined },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (bytes) => terminal.write(bytes));
  const ended = once(child, 'exit').then(() => true);
  const frames = [];
  for (let isOver = false; !isOver; ) {
    isOver = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, FRAME_MS, false))]);
    await new Promise((resolve) => terminal.write('', resolve));
    const rows = screenOf(terminal);
    const last = frames.at(-1);
    if (last !== undefined && JSON.stringify(last.rows) === JSON.stringify(rows)) last.ms += FRAME_MS;
    else if (last !== undefined || rows.some((row) => row.length > 0)) frames.push({ rows, ms: FRAME_MS });
  }
  frames.at(-1).ms = LAST_MS;
  return frames;
}

/** The rows in sight, each as runs of one look: column, text, colour, bold, dim. */
function screenOf(terminal) {
  const { active } = terminal.buffer;
  return Array.from({ length: ROWS }, (_, y) => {
    const line = active.getLine(active.baseY + y);
    const runs = [];
    for (let x = 0; x < COLUMNS; x += 1) {
      const cell = line?.getCell(x);
      const text = cell?.getChars() || ' ';
      const colour = cell?.isFgPalette() ? COLOURS[cell.getFgColor()] : undefined;
      const look = { colour, bold: Boolean(cell?.isBold()), dim: Boolean(cell?.isDim()) };
      const last = runs.at(-1);
      if (last !== undefined && JSON.stringify(last.look) === JSON.stringify(look)) last.text += text;
      else runs.push({ x, text, look });
    }
    const shown = runs.map((run) => ({ ...run, text: run === runs.at(-1) ? run.text.trimEnd() : run.text }));
    return shown.filter(({ text }) => text.trim() !== '');
  });
}

function svgOf(frames) {
  const total = frames.reduce((sum, { ms }) => sum + ms, 0);
  const width = Math.ceil(COLUMNS * CELL.width) + 2 * MARGIN;
  const height = ROWS * CELL.height + 2 * MARGIN;
  let at = 0;
  const shows = frames.map(({ ms }, i) => {
    const [from, to] = [at, at + ms].map((time) => ((100 * time) / total).toFixed(3));
    at += ms;
    return `@keyframes f${i}{0%{visibility:hidden}${from}%{visibility:visible}${to}%{visibility:hidden}100%{visibility:${i === frames.length - 1 ? 'visible' : 'hidden'}}}
#f${i}{visibility:hidden;animation:f${i} ${total}ms steps(1,end) infinite}`;
  });
  const still = `@media (prefers-reduced-motion:reduce){g{animation:none!important}#f${frames.length - 1}{visibility:visible}}`;
  const drawn = frames.map(({ rows }, i) => `<g id="f${i}">${rows.flatMap((row, y) => row.map((run) => textOf(run, y))).join('')}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A campaign of a few people is sent through the sandbox: the plan, a bar with the time left, and a summary">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9;white-space:pre}
${shows.join('\n')}
${still}</style>
<rect width="100%" height="100%" rx="8" fill="#1e222a"/>
${drawn.join('\n')}
</svg>
`;
}

function textOf({ x, text, look: { colour, bold, dim } }, y) {
  const style = [colour && `fill="${colour}"`, bold && 'font-weight="bold"', dim && 'opacity="0.65"'].filter(Boolean).join(' ');
  const left = (MARGIN + x * CELL.width).toFixed(1);
  const length = ([...text].length * CELL.width).toFixed(1);
  return `<text x="${left}" y="${MARGIN + y * CELL.height + 13}" textLength="${length}" ${style} xml:space="preserve">${escaped(text)}</text>`;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
