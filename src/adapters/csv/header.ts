import { toVariable } from '../../core/variable.ts';
import { UsageError } from '../../errors.ts';
import { shown } from './shown.ts';

/**
 * The names that a phone column may have, compared as toVariable writes them, accents and separators left out; the first in this
 * order wins. What surely holds a whole WhatsApp number comes first, words that may mean something else come last.
 */
export const PHONE_COLUMNS = [
  ...['full_number', 'whatsapp_number', 'whatsapp_phone', 'numero_whatsapp', 'phone', 'phone_number', 'mobile', 'mobile_phone'],
  ...['mobile_number', 'cell', 'cell_phone', 'cell_number', 'gsm', 'numero_gsm', 'telephone', 'telephone_number', 'telephone_mobile'],
  ...['numero_de_telephone', 'numero_telephone', 'numero_tel', 'num_tel', 'tel', 'tel_mobile', 'portable', 'telephone_portable'],
  ...['mobil', 'handy', 'handynummer', 'mobilnummer', 'mobiltelefon', 'telefon', 'telefonnummer', 'rufnummer', 'celular', 'movil'],
  ...['telefono', 'numero_de_telefono', 'telefono_movil', 'telefono_celular', 'cellulare', 'telemovel', 'telefone', 'numero_de_telefone'],
  ...['contact_number', 'contact_phone', 'phone_no', 'mobile_no', 'whatsapp', 'wa', 'number', 'numero', 'num', 'msisdn'],
];

const FIRST_NAMES = ['first_name', 'given_name', 'forename', 'prenom', 'prenoms', 'vorname', 'nombre', 'nombres', 'nome', 'primeiro_nome'];
const LAST_NAMES = [
  'last_name',
  'surname',
  'family_name',
  'nom',
  'nom_de_famille',
  'nachname',
  'apellido',
  'apellidos',
  'cognome',
  'sobrenome',
];

/** What the first row of a file says about the others. Positions are from 0. */
export interface Header {
  /** As written. */
  columns: string[];
  /** The variable of each column (see toVariable); null for a column without a name. */
  variables: (string | null)[];
  phone: number;
  firstName: number | undefined;
  lastName: number | undefined;
  /** What the operator should know, a sentence each. */
  notes: string[];
}

/** Reads the header. Throws UsageError when there is no phone column or two columns have one name. */
export function readHeader(cells: string[], path: string): Header {
  const columns = cells.map((cell) => cell.trim());
  const variables = columns.map((column) => toVariable(column) || null);
  refuseTwins(columns, variables, path);
  const [phone, ...others] = positionsOf(PHONE_COLUMNS, variables);
  if (phone === undefined) throw withoutPhone(columns, path);
  const notes = others.map(
    (other) => `${shown(columns[other])} looks like a phone column too; the numbers are taken from ${shown(columns[phone])}`,
  );
  const [firstName] = positionsOf(FIRST_NAMES, variables);
  const [lastName] = positionsOf(LAST_NAMES, variables);
  return { columns, variables, phone, firstName, lastName, notes };
}

/** The names that a template may use: every named column, and `phone`, the number in E.164. */
export function variablesOf(header: Header): string[] {
  return [...new Set(['phone', ...header.variables.filter((variable) => variable !== null)])];
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

function withoutPhone(columns: string[], path: string): UsageError {
  const accepted = `Name it phone, mobile, tel, téléphone, whatsapp, number or the like.`;
  if (columns.some((column) => /\d{6}/.test(column.replace(/[\s().-]/g, '')))) {
    return new UsageError(
      `${path}: the first line must name the columns, but it looks like a row`,
      'Put a line such as "phone,first_name" above it.',
    );
  }
  const seen = columns.slice(0, 20).map((column) => shown(column));
  return new UsageError(`${path} has no phone column; its columns are ${seen.join(', ')}${columns.length > 20 ? ', …' : ''}`, accepted);
}
