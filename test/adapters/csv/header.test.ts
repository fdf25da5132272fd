import { describe, expect, test } from 'vitest';
import { PHONE_COLUMNS, readHeader, variablesOf } from '../../../src/adapters/csv/header.ts';
import { toVariable } from '../../../src/core/variable.ts';
import { UsageError } from '../../../src/errors.ts';

const read = (...cells: string[]) => readHeader(cells, 'people.csv');

describe('the phone column', () => {
  test.each([
    ...['phone', 'Phone', ' PHONE NUMBER ', 'phone_number', 'phonenumber', 'phone-number', 'Phone No.', 'full_number', 'Number', 'mobile'],
    ...['Tel', 'Tél.', 'telephone', 'Téléphone', 'Numéro de téléphone', 'WhatsApp', 'numero', 'Numéro', 'GSM', 'cell', 'Handy'],
    ...['Telefon', 'teléfono', 'Celular', 'Portable', 'contact_number', 'Contact Number'],
  ])('%j', (name) => {
    expect(read('first_name', name).phone).toBe(1);
  });

  test('the list has no name twice, and each is written as a variable', () => {
    expect(new Set(PHONE_COLUMNS.map((name) => name.replaceAll('_', ''))).size).toBe(PHONE_COLUMNS.length);
    expect(PHONE_COLUMNS.map(toVariable)).toEqual(PHONE_COLUMNS);
  });

  test('of two, the first in the list wins, and a note says so', () => {
    const header = read('Number', 'phone_number', 'full_number', 'first_name');
    expect(header.phone).toBe(2);
    expect(header.notes).toEqual([
      '"phone_number" looks like a phone column too; the numbers are taken from "full_number"',
      '"Number" looks like a phone column too; the numbers are taken from "full_number"',
    ]);
  });

  test('without one, the columns that were seen and the names that are accepted are listed', () => {
    expect(() => read('name', 'e-mail\u001b[31m')).toThrow('people.csv has no phone column; its columns are "name", "e-mail [31m"');
    const error = catchError(() => read('name'));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).next).toContain('phone, mobile, tel');
  });

  test('a first line that looks like a row is called that, and its number is not shown', () => {
    const error = catchError(() => read('+229 01 90 00 00 01', 'Ama')) as UsageError;
    expect(error.message).toContain('looks like a row');
    expect(error.message + error.next).not.toMatch(/90/);
  });
});

describe('the other columns', () => {
  test('are variables in lower case, without accents, joined by _', () => {
    expect(variablesOf(read('Téléphone', 'First Name', ' Prénom usuel ', 'Class (2026)', '', '***', 'город', '이름'))).toEqual([
      ...['phone', 'telephone', 'first_name', 'prenom_usuel', 'class_2026', 'город', '이름'],
    ]);
  });

  test.each([
    ['First Name', 'first_name'],
    ['city', 'city'],
    ['Prénom', 'PRENOM'],
  ])('%j and %j cannot be told apart', (a, b) => {
    expect(() => read('phone', a, 'x', b)).toThrow(`people.csv: columns 2 ("${a}") and 4 ("${b}") have the same name, ${toVariable(a)}`);
  });

  test.each([
    [['tel', 'Prénom', 'Nom'], 1, 2],
    [['surname', 'tel', 'firstname'], 2, 0],
    [['tel', 'Vorname', 'Nachname'], 1, 2],
    [['tel', 'nombre', 'apellidos'], 1, 2],
    [['tel', 'name'], undefined, undefined],
  ])('first and last name in %j', (cells, firstName, lastName) => {
    expect(read(...cells)).toMatchObject({ firstName, lastName });
  });
});

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
