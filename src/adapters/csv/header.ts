import { trimmed } from '../../core/trimmed.ts';
import { toVariable } from '../../core/variable.ts';
import { UsageError } from '../../errors.ts';
import { phoneRank } from './phone-words.ts';
import { shown } from './shown.ts';

/** First names of people, compared as toVariable writes them without `_`: the usual exports say `Given Name`, `Prénom`, `Vorname`, … */
const FIRST_NAMES = [
  ...[
    'first_name',
    'given_name',
    'forename',
    'prenom',
    'prenoms',
    'vorname',
    'nombre',
    'nombres',
    'nome',
    'primeiro_nome',
    'primer_nombre',
  ],
  ...['nome_proprio', 'الاسم_الأول', 'الاسم_الاول'],
];
const LAST_NAMES = [
  ...['last_name', 'surname', 'family_name', 'nom', 'nom_de_famille', 'nachname', 'familienname', 'apellido', 'apellidos', 'cognome'],
  ...['sobrenome', 'اسم_العائلة', 'اللقب'],
];

/** What the first row of a file says about the others. Positions are from 0. */
export interface Header {
  /** As written. */
  columns: string[];
  /** The variable of each column (see toVariable); null for a column without a name. */
  variables: (string | null)[];
  /** The phone columns, the likeliest first; none where no column is so called. A row's number is in the first that holds one. */
  phones: number[];
  firstName: number | undefined;
  lastName: number | undefined;
  /** What the operator should know, a sentence each. */
  notes: string[];
}

/**
 * Reads the header. `phoneColumn` is the name of the one phone column, where the operator gave it. Throws UsageError when no column has
 * that name, when two columns have one name, or when it is a row.
 */
export function readHeader(cells: string[], path: string, phoneColumn?: string): Header {
  const columns = cells.map(trimmed);
  const variables = columns.map((column) => toVariable(column) || null);
  refuseTwins(columns, variables, path);
  const phones = phoneColumn === undefined ? phoneColumnsOf(columns) : [namedColumn(phoneColumn, columns, variables, path)];
  const [firstName] = positionsOf(FIRST_NAMES, variables);
  const [lastName] = positionsOf(LAST_NAMES, variables);
  return { columns, variables, phones, firstName, lastName, notes: phones.length > 1 ? [orderOf(phones, columns)] : [] };
}

/**
 * The names that a template may use: every named column; `phone`, the number in E.164; `first_name` and `last_name`, whatever the column
 * of these names is called.
 */
export function variablesOf({ variables, firstName, lastName }: Header): string[] {
  const names = [...(firstName === undefined ? [] : ['first_name']), ...(lastName === undefined ? [] : ['last_name'])];
  return [...new Set(['phone', ...variables.filter((variable) => variable !== null), ...names])];
}

/** Up to 20 columns of a header, for an error. */
export function columnsShown(columns: string[]): string {
  const seen = columns.slice(0, 20).map((column) => shown(column));
  return `${seen.join(', ')}${columns.length > 20 ? ', …' : ''}`;
}

function phoneColumnsOf(columns: string[]): number[] {
  const ranked = columns.flatMap((column, position) => {
    const rank = phoneRank(column);
    return rank === undefined ? [] : [{ position, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank || a.position - b.position).map(({ position }) => position);
}

function namedColumn(name: string, columns: string[], variables: (string | null)[], path: string): number {
  const exact = trimmed(name) === '' ? -1 : columns.indexOf(trimmed(name));
  const position = exact === -1 ? variables.indexOf(toVariable(name)) : exact;
  if (position !== -1) return position;
  refuseRow(columns, path);
  throw new UsageError(`--phone-column: ${path} has no column ${shown(name)}; its columns are ${columnsShown(columns)}`);
}

function orderOf(phones: number[], columns: string[]): string {
  const [first, ...others] = phones.map((position) => shown(columns[position]));
  return `the numbers are taken from ${first}, and where it is empty from ${others.join(', then ')}; --phone-column takes one alone`;
}

function positionsOf(names: string[], variables: (string | null)[]): number[] {
  const bare = variables.map((variable) => variable?.replaceAll('_', '') ?? null);
  const positions = names.map((name) => bare.indexOf(name.replaceAll('_', ''))).filter((position) => position !== -1);
  return [...new Set(positions)];
}

function refuseTwins(columns: string[], variables: (string | null)[], path: string): void {
  for (const [position, variable] of variables.entries()) {
    const first = variable === null ? position : variables.indexOf(variable);
    if (first === position) continue;
    const [a, b] = [shown(columns[first]), shown(columns[position])];
    throw new UsageError(
      `${path}: columns ${first + 1} (${a}) and ${position + 1} (${b}) have the same name, ${variable}`,
      'Rename one of them.',
    );
  }
}

/** A first line with a phone number in it names no columns. */
export function refuseRow(columns: string[], path: string): void {
  if (!columns.some((column) => /\d{6}/.test(column.replace(/[\s().-]/g, '')))) return;
  throw new UsageError(
    `${path}: the first line must name the columns, but it looks like a row`,
    'Put a line such as "phone,first_name" above it.',
  );
}
