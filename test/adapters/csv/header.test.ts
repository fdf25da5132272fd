import { describe, expect, test } from 'vitest';
import { readHeader, variablesOf } from '../../../src/adapters/csv/header.ts';
import { toVariable } from '../../../src/core/variable.ts';

const read = (...cells: string[]) => readHeader(cells, 'people.csv');

const phoneColumns = (...cells: string[]) => read(...cells).phones.map((position) => cells[position]);

describe('the phone column', () => {
  test.each([
    ...['phone', 'Phone', ' PHONE NUMBER ', 'phone_number', 'phonenumber', 'phone-number', 'Phone No.', 'full_number', 'Number', 'mobile'],
    ...['Tel', 'Tél.', 'telephone', 'Téléphone', 'Numéro de téléphone', 'WhatsApp', 'numero', 'Numéro', 'GSM', 'cell', 'Handy', 'msisdn'],
    ...['Telefon', 'teléfono', 'Celular', 'Portable', 'contact_number', 'Contact Number', 'numerodetelephone', 'Handynummer', 'wa'],
    ...[
      'Phone 1 - Value',
      'phone1',
      'Phone2',
      'numbers',
      'Phones',
      'Celulares',
      'Contact No',
      'N° de téléphone',
      'Nº Tel.',
      'Tél. portable',
    ],
    ...[
      'WhatsApp No',
      'WhatsApp Number(s)',
      'N° WhatsApp',
      'Phone #',
      'Ph No.',
      'Mob. No.',
      'Cell Phone Number',
      'Phone (mobile)',
      'iPhone',
    ],
    ...['Mobile Phone', 'Primary Phone', 'Home Phone 2', 'Business Phone', 'Other Phone', 'Tél. mobile', 'Téléphone (bureau)'],
    ...['Téléphone 2 (domicile)', 'Téléphone principal', 'Téléphone (autre)', 'Mobiltelefon', 'Telefon geschäftlich 2', 'Telefon (privat)'],
    ...['Weiteres Telefon', 'Haupttelefon', 'Tel.-Nr.', 'Handy-Nr.', 'Móvil', 'Teléfono del trabajo', 'Otro teléfono', 'N.º de telemóvel'],
    ...['Núm. de celular', 'Nro. de teléfono', 'Telefone comercial', 'Celular / WhatsApp', 'Telefones', 'Cellulare', 'Telefono (ufficio)'],
    ...[
      'Numero di cellulare',
      'Altro telefono',
      'Recapito telefonico',
      'رقم الهاتف',
      'الهاتف المحمول',
      'رقم الجوّال',
      'رقم الواتساب',
      'موبايل',
    ],
    ...["Customer's phone", 'Téléphone du client', 'Primary contact number', 'Numéro de contact', 'Tel\u200b'],
  ])('%j', (name) => {
    expect(phoneColumns('first_name', name)).toEqual([name]);
  });

  test.each([
    ...[
      'Phone 1 - Label',
      'Phone 1 - Type',
      'Home Fax',
      'Pager',
      "Assistant's Phone",
      'Company Main Phone',
      'Callback',
      'Telex',
      'No',
      'N°',
    ],
    ...[
      'Contact',
      'Contacts',
      'Customer number',
      'Numéro client',
      'Phone verified',
      'Ordinateur portable',
      'Phone model',
      'WhatsApp group',
    ],
    ...[
      'Name',
      'Notes',
      'Hotel',
      'Home',
      'Téléphone fixe',
      "Téléphone de l'école",
      'Number of children',
      'x'.repeat(5_000),
      'delel'.repeat(999),
    ],
  ])('is not %j', (name) => {
    expect(phoneColumns('first_name', name)).toEqual([]);
  });

  test('of several, the likeliest to be on WhatsApp comes first, and a note says in which order they are looked at', () => {
    const header = read('Number', 'phone_number', 'full_number', 'first_name');
    expect(header.phones).toEqual([2, 1, 0]);
    expect(header.notes).toEqual([
      'the numbers are taken from "full_number", and where it is empty from "phone_number", then "Number"; --phone-column takes one alone',
    ]);
  });

  test.each([
    [
      ['Téléphone', 'WhatsApp'],
      ['WhatsApp', 'Téléphone'],
    ],
    [
      ['First Name', 'Phone 1 - Label', 'Phone 1 - Value', 'Phone 2 - Label', 'Phone 2 - Value'],
      ['Phone 1 - Value', 'Phone 2 - Value'],
    ],
    [
      ["Assistant's Phone", 'Business Fax', 'Business Phone', 'Company Main Phone', 'Home Phone', 'Mobile Phone', 'Pager', 'Primary Phone'],
      ['Mobile Phone', 'Primary Phone', 'Business Phone', 'Home Phone'],
    ],
    [
      ['Téléphone (bureau)', 'Télécopie (domicile)', 'Tél. mobile', 'Téléphone principal'],
      ['Tél. mobile', 'Téléphone principal', 'Téléphone (bureau)'],
    ],
  ])('of %j: %j', (cells, phones) => {
    expect(phoneColumns(...cells)).toEqual(phones);
  });

  test('is the one that --phone-column names, as written or in another spelling, and no other', () => {
    expect(readHeader(['Téléphone', 'Contact parent'], 'x.csv', 'contact_parent')).toMatchObject({ phones: [1], notes: [] });
    expect(readHeader(['phone', '***'], 'x.csv', '***').phones).toEqual([1]);
    for (const none of ['tel', '', ' ', '***'])
      expect(() => readHeader(['phone', ''], 'x.csv', none)).toThrow(`x.csv has no column "${none.trim()}"; its columns are "phone", ""`);
    expect(() => readHeader(['+2290190000001'], 'x.csv', 'phone')).toThrow('looks like a row');
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
    [['Given Name', 'Family Name', 'Phone 1 - Value'], 0, 1],
    [['Nombre', 'Segundo nombre', 'Apellidos', 'Móvil'], 0, 2],
    [['رقم الهاتف', 'الاسم الأول', 'اسم العائلة'], 1, 2],
    [['tel', 'name'], undefined, undefined],
  ])('first and last name in %j', (cells, firstName, lastName) => {
    expect(read(...cells)).toMatchObject({ firstName, lastName });
  });

  test('first and last name are variables by these names too, whatever the columns are called', () => {
    expect(variablesOf(read('tel', 'Prénom', 'Nom'))).toEqual(['phone', 'tel', 'prenom', 'nom', 'first_name', 'last_name']);
    expect(variablesOf(read('tel', 'Given Name', 'First Name'))).toEqual(['phone', 'tel', 'given_name', 'first_name']);
  });
});
