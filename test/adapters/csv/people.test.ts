import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPeople, type PeopleOptions } from '../../../src/adapters/csv/people.ts';
import type { RowTemplate } from '../../../src/adapters/csv/verdicts.ts';
import { compileTemplate } from '../../../src/adapters/liquid/template.ts';
import { InfrastructureError, UsageError } from '../../../src/errors.ts';
import type { PlannedRecipient } from '../../../src/ports/campaign-store.ts';
import { temporaryFolder } from './folder.ts';
import { style, writeCsv } from './writer.ts';

const folder = temporaryFolder();

/** A template without an engine: `{{ x }}` is the column x. */
function template(text: string): RowTemplate {
  const names = [...text.matchAll(/\{\{ (\w+) \}\}/g)].map((match) => match[1] ?? '');
  return {
    unknown: (columns) => names.filter((name) => !columns.includes(name)).map((name) => `unknown variable ${name}`),
    absent: () => [],
    write(fields) {
      const written = text.replace(/\{\{ (\w+) \}\}/g, (_, name: string) => fields[name] ?? '');
      return written.includes('BAD') ? { problem: 'a bad text' } : { text: written };
    },
  };
}
const check = (content: string | Uint8Array, options: Partial<PeopleOptions> = {}, name = 'people.csv') =>
  checkPeople({ path: folder.write(name, content), message1: template('Hi {{ first_name }}'), message2: null, ...options });

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const MIXED = [
  'phone,first_name,nom,city',
  '+229 01 90 00 00 01,Ama,Adjovi,Cotonou',
  '0190000002,Kofi,,"Porto-Novo,\nOuando"',
  '+229 01 90 00 00 01,Ama again,,',
  'abc,Nobody,,',
  '+2290190000003,,,',
  '+2290190000004,too,few',
  '+2290190000005,BAD,,',
  '+2290190000005,Good,,',
  '+2299000006,Old,,',
  '',
].join('\n');

describe('every row is accepted, a duplicate, or refused', () => {
  test('by person: two true forms of one number are one, and a form that its country has replaced is written as it is today', async () => {
    const people = await check(
      'phone,first_name\n+554180000005,A\n+5541980000005,A\n+5215500000003,B\n+525500000003,B\n+22507000003,C\n+2250707000003,C\n+22997000002,D\n+541120000002,E\n+5491120000002,E\n',
    );
    expect(people.counts).toEqual({ rows: 9, accepted: 5, duplicates: 4, refused: 0 });
    expect((await all(people.recipients())).map(({ phone }) => phone)).toEqual([
      ...['+554180000005', '+525500000003', '+2250707000003', '+2290197000002', '+541120000002'],
    ]);
    expect(people.notes).toEqual(['3 numbers have a form that their country has replaced, and are written as it is valid today']);
  });

  test('and counted, with lines as an editor shows them', async () => {
    const people = await check(MIXED, { country: 'bj' });
    expect(people.counts).toEqual({ rows: 9, accepted: 4, duplicates: 1, refused: 4 });
    expect(people.firstRefused).toEqual([
      { line: 6, reason: 'not a phone number' },
      { line: 8, reason: 'it has 3 fields, the header has 4' },
      { line: 9, reason: 'a bad text' },
      { line: 11, reason: expect.stringContaining('too short for Benin') },
    ]);
    expect(people.columns).toEqual(['phone', 'first_name', 'nom', 'city']);
    expect(people.variables).toEqual(['phone', 'first_name', 'nom', 'city', 'last_name']);
    expect(people.sample.map((one) => one.message1)).toEqual(['Hi Ama', 'Hi Kofi', 'Hi ']);
  });

  test('the second reading gives the accepted, in order, with names and country code', async () => {
    const people = await check(MIXED, { country: 'BJ', message2: template('Thanks {{ phone }} {{ city }}') });
    expect(await all(people.recipients())).toEqual([
      one('+2290190000001', 'Ama', 'Adjovi', 'Cotonou'),
      one('+2290190000002', 'Kofi', null, 'Porto-Novo,\nOuando'),
      one('+2290190000003', null, null, ''),
      one('+2290190000005', 'Good', null, ''),
    ]);
    expect(await all(people.recipients())).toHaveLength(4);
  });

  const one = (phone: string, firstName: string | null, lastName: string | null, city: string): PlannedRecipient => ({
    ...{ phone, countryCode: '229', firstName, lastName, message1: `Hi ${firstName ?? ''}`, message2: `Thanks ${phone} ${city}` },
  });

  test('without --country a national number is refused with the way out', async () => {
    const { counts, firstRefused } = await check('tel\n0190000001\n+2290190000002\n', { message1: template('x') });
    expect(counts).toEqual({ rows: 2, accepted: 1, duplicates: 0, refused: 1 });
    expect(firstRefused[0]?.reason).toContain('use --country');
  });

  test('only the first five refused rows are shown', async () => {
    const { counts, firstRefused } = await check(`phone\n${'x\n'.repeat(20)}`, { message1: template('x') });
    expect(counts.refused).toBe(20);
    expect(firstRefused.map((row) => row.line)).toEqual([2, 3, 4, 5, 6]);
  });

  test('numbers alone can be counted, without any message', async () => {
    const people = await check('phone\n+2290190000001\n', { message1: null, writeRejected: false });
    expect(people.counts.accepted).toBe(1);
    expect(people.sample[0]).toMatchObject({ message1: '', message2: null });
  });

  test('a variable that is no column and has a default is named, once for both messages', async () => {
    const people = await check('phone,Classe\n+2290190000001,\n', {
      message1: compileTemplate('{{ clase | default: "x" }}', '--message'),
      message2: compileTemplate('{{ Clase | default: "y" }} {{ classe | default: "z" }}', '--message-2'),
    });
    expect(people.absentVariables).toEqual(['clase']);
  });

  test('the longest names that databases take are kept, longer ones are cut, between characters', async () => {
    const people = await check(`phone,first_name,last_name\n+2290190000001,${'é'.repeat(100)},${'😀'.repeat(101)}\n`);
    expect(people.sample[0]).toMatchObject({ firstName: 'é'.repeat(100), lastName: '😀'.repeat(100) });
  });

  test('a cell goes in without blanks at its ends; one in which nothing can be seen is an empty value', async () => {
    const people = await check('phone,first_name\n+2290190000001," \n "\n+2290190000002,  Ama B.\u00a0\n+2290190000003,\u200b\n');
    expect(people.sample.map((recipient) => recipient.message1)).toEqual(['Hi ', 'Hi Ama B.', 'Hi ']);
    expect(people.sample.map((recipient) => recipient.firstName)).toEqual([null, 'Ama B.', null]);
  });

  test('an export of Google Contacts is read as it is: the first number of the first phone that is filled, and its names', async () => {
    const google = [
      'First Name,Last Name,Labels,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value',
      'Ama,Adjovi,* myContacts,Mobile,+229 01 90 00 00 01 ::: +229 01 90 00 00 09,,',
      'Kofi,,* myContacts,,,Home,+229 01 90 00 00 02',
      'Awa,,* myContacts,Mobile,call first ::: +229 01 90 00 00 03,Home,+229 01 90 00 00 04',
      'Nobody,,* myContacts,,,,',
    ].join('\n');
    const people = await check(google, { message1: template('Hi {{ first_name }} {{ last_name }}'), writeRejected: false });
    expect(people.sample.map(({ phone, message1 }) => [phone, message1])).toEqual([
      ['+2290190000001', 'Hi Ama Adjovi'],
      ['+2290190000002', 'Hi Kofi '],
      ['+2290190000003', 'Hi Awa '],
    ]);
    expect(people.firstRefused).toEqual([{ line: 5, reason: 'no phone number' }]);
  });

  test('an export of Outlook too, in French: the mobile number, else the next; what is no number at all counts as empty', async () => {
    const outlook = [
      'Prénom;Nom;Téléphone (bureau);Télécopie (bureau);Tél. mobile',
      'Ama;Adjovi;+229 21 00 00 00;+229 21 00 00 01;+229 01 90 00 00 01',
      'Kofi;Mensah;+229 01 90 00 00 02;;néant',
    ].join('\n');
    const people = await check(outlook, { message1: template('{{ first_name }} {{ nom }}') });
    expect(people.sample.map(({ phone, message1 }) => [phone, message1])).toEqual([
      ['+2290190000001', 'Ama Adjovi'],
      ['+2290190000002', 'Kofi Mensah'],
    ]);
  });

  test('of the column that --phone-column names alone', async () => {
    const content = 'Téléphone,Contact parent,first_name\n+2290190000001,+2290190000002,Ama\n+2290190000003,,Kofi\n';
    const people = await check(content, { phoneColumn: 'contact parent', writeRejected: false });
    expect(people.sample.map(({ phone }) => phone)).toEqual(['+2290190000002']);
    expect(people.counts.refused).toBe(1);
  });

  test('the columns __proto__ and constructor are columns like any other', async () => {
    const people = await check('phone,__proto__,constructor,hasOwnProperty\n+2290190000001,a,b,c\n', {
      message1: template('{{ proto }}{{ constructor }}{{ hasownproperty }}'),
    });
    expect(people.sample[0]?.message1).toBe('abc');
  });
});

describe('a file that cannot be used is refused in one line', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['empty', '', 'is empty'],
    ['only a mark', '\uFEFF', 'is empty'],
    ['blank', '\n\n  \n', 'is empty'],
    ['only delimiters', ';;;\n;;;\n', 'is empty'],
    ['header only', 'phone,first_name\n\n,\n', 'has a header but no rows'],
    ['no phone column', 'name,first_name\nx,y\n', 'has no phone column; its columns are "name", "first_name"'],
    [
      'no phone column by name',
      'who,Kontakt A,date,Kontakt B\nx,0190000001,2026-01-02,"+229 01"\n,,,\n',
      '"Kontakt B"; "Kontakt A" holds numbers',
    ],
    ['several that may be one', 'a,b\n+2290190000001,+2290190000002\n+2290190000003,\n', '"b"; numbers are in "a", "b"'],
    ['terminal codes in a header', 'e-mail\u001b[31m\nx\n', 'its columns are "e-mail [31m"'],
    ['twin columns', 'phone,first_name,First Name\n', 'columns 2 ("first_name") and 3 ("First Name") have the same name'],
    ['no header', '+2290190000001,Ama\n', 'looks like a row'],
    ['unknown variable', 'phone,nom,Ville du Nord\n', 'people.csv are phone, nom, ville_du_nord'],
    ['old encoding', Buffer.from('phone,first_name\n+2290190000001,Ama\n+2290190000002,Ren\xe9\n', 'latin1'), 'line 3: not UTF-8 text'],
    ['open quote', 'phone,first_name\n+2290190000001,"Ama\n', 'line 2: a quote that opens in this row is never closed'],
    ['binary', Buffer.from([1, 0, 2]), 'not a text file'],
  ])('%s', async (_, content, message) => {
    const checking = check(content);
    await expect(checking).rejects.toThrow(UsageError);
    await expect(checking).rejects.toThrow(message);
    await expect(checking).rejects.toThrow(/^[^\n]+$/);
    await expect(checking).rejects.toThrow('people.csv');
  });

  test('without a phone column the next step names the column that holds numbers, or the names that are known', async () => {
    const next = (content: string) => check(content, { country: 'BJ' }).catch((error: UsageError) => error.next);
    expect(await next('who,Kontakt\nx,0190000001\n')).toBe('Say that it is the one: --phone-column "Kontakt".');
    expect(await next('who,what\nx,y\n')).toContain('phone, mobile, tel');
    expect(await next('who,,what\nx,0190000001,z\n')).toContain('--phone-column <name>');
  });

  test('a first line that is a row is called that, and its number is not shown', async () => {
    const error: UsageError = await check('+229 01 90 00 00 01,Ama\n').catch((error) => error);
    expect(error.message).toContain('looks like a row');
    expect(error.message + error.next).not.toMatch(/90/);
  });

  test('both messages are looked through before any row', async () => {
    await expect(check('phone\nx\n', { message2: template('{{ town }}') })).rejects.toThrow(
      'unknown variable first_name; unknown variable town',
    );
  });

  test('missing, a directory, a pipe, not permitted, a country that is none', async () => {
    const path = (name: string) => join(folder.path, name);
    const checkPath = (name: string, country?: string) => checkPeople({ path: path(name), message1: null, message2: null, country });
    mkdirSync(path('folder.csv'));
    execFileSync('mkfifo', [path('pipe.csv')]);
    symlinkSync(path('loop.csv'), path('loop.csv'));
    await expect(checkPath('nothing.csv')).rejects.toThrow('there is no such file');
    await expect(checkPath('folder.csv')).rejects.toThrow('is a directory');
    await expect(checkPath('pipe.csv')).rejects.toThrow('save the list to a file first');
    await expect(checkPath('loop.csv')).rejects.toThrow(UsageError);
    await expect(checkPath('a\0b')).rejects.toThrow(UsageError);
    await expect(checkPath('nothing.csv', 'UK')).rejects.toThrow('--country: "UK" is not a country');
    if (process.getuid?.() !== 0) {
      chmodSync(folder.write('secret.csv', 'phone\n'), 0);
      await expect(checkPath('secret.csv')).rejects.toThrow('permission denied');
    }
  });
});

describe('the file is what was checked', () => {
  const rows = (count: number) =>
    `phone,first_name\n${Array.from({ length: count }, (_, n) => `+22901900${String(n).padStart(5, '0')},Name ${n}\n`).join('')}`;

  test.each<[string, (text: string) => string | Uint8Array]>([
    ['a row added', (text) => `${text}+2290190099999,Late\n`],
    ['a row removed', (text) => text.replace(/.*\n$/, '')],
    ['a name changed', (text) => text.replace('Name 7\n', 'Nama 7\n')],
    ['a refused row changed', (text) => text.replace('Name 7\n', 'Name 7,8\n')],
    ['a space at the end', (text) => `${text} `],
    ['emptied', () => ''],
    ['broken', (text) => `${text}"`],
    ['replaced by something else', () => Buffer.from([0, 255])],
  ])('%s between the readings: nothing is made from it', async (name, change) => {
    const text = rows(20);
    const people = await check(text, {}, 'changing.csv');
    writeFileSync(people.path, change(text));
    await expect(all(people.recipients())).rejects.toThrow(UsageError);
    await expect(all(people.recipients()), name).rejects.toThrow('changing.csv changed while it was read');
  });

  const wide = `phone,first_name,note\n${Array.from({ length: 2_000 }, (_, n) => `+22901900${String(n).padStart(5, '0')},Name ${n},${'x'.repeat(2_000)}\n`).join('')}`;

  test('a change while the second reading is under way is noticed too', async () => {
    const people = await check(wide, {}, 'growing.csv');
    const reading = people.recipients();
    await reading.next();
    writeFileSync(people.path, wide.replace('Name 1999', 'Nome 1999'));
    await expect(all(reading)).rejects.toThrow('changed while it was read');
  });

  test('leaving either reading early closes the file', async () => {
    const people = await check(wide, {}, 'left.csv');
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let n = 0; n < 5; n++) for await (const _ of people.recipients()) break;
    for (let n = 0; n < 5; n++) await expect(check('phone\nx', {}, 'left2.csv')).rejects.toThrow('unknown variable');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(open()).toBeLessThanOrEqual(before);
  });
});

describe('the fingerprint', () => {
  const base = 'phone,first_name,city\n+2290190000001,Ama,Cotonou\n+2290190000002,Kofi,"Porto\nNovo"\n';
  const print = async (content: string | Uint8Array, text = 'Hi {{ first_name }} {{ city }}', text2?: string) =>
    (await check(content, { message1: template(text), message2: text2 ? template(text2) : null, country: 'BJ' })).fingerprint;

  test.each<[string, string | Uint8Array]>([
    ['other line ends', base.replaceAll('\n', '\r\n')],
    ['a mark', `\uFEFF${base}`],
    ['UTF-16', Buffer.from(`\uFEFF${base}`, 'utf16le')],
    ['semicolons', base.replaceAll(',', ';')],
    ['other columns and order', 'City,id,First Name,TEL\nCotonou,1,Ama,+2290190000001\n"Porto\nNovo",2,Kofi,01 90 00 00 02\n'],
    ['blank lines and a repeated number', `${base}\n\n+2290190000001,x,y\n`],
    ['a refused row', `${base}abc,x,y\n`],
  ])('is the same with %s', async (_, content) => {
    expect(await print(content)).toBe(await print(base));
  });

  test('is another for another text, another Message 2, another number, another order; and is 64 hex digits', async () => {
    const prints = await Promise.all([
      ...[
        print(base),
        print(base, 'Hello {{ first_name }} {{ city }}'),
        print(base, undefined, 'Thanks'),
        print(base, undefined, 'Thank you'),
      ],
    ]);
    prints.push(
      await print(base.replace('0002', '0003')),
      await print(base.split('\n').toSpliced(3, 0, '+2290190000009,a,b').join('\n').replace('Porto\n', 'Porto ')),
    );
    expect(new Set(prints).size).toBe(prints.length);
    for (const one of prints) expect(one).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the refused rows', () => {
  const REFUSED = 'phone;first_name;note\n+2290190000001;Ama;x\nabc;"Ko;fi";"a ""b""\nc"\n+2290190000002;few\n';

  test('go to <file>.rejected.csv with line and reason, laid out as the file, for its owner alone', async () => {
    const { rejectedFile, path } = await check(`\uFEFF${REFUSED}`, {}, 'list.csv');
    expect(rejectedFile).toBe(`${path}.rejected.csv`);
    expect(readFileSync(`${path}.rejected.csv`, 'utf8')).toBe(
      '\uFEFFline;reason;phone;first_name;note\n3;not a phone number;abc;"Ko;fi";"a ""b""\nc"\n5;it has 2 fields, the header has 3;+2290190000002;few\n',
    );
    expect(statSync(`${path}.rejected.csv`).mode & 0o777).toBe(0o600);
  });

  test('corrected there, can be sent from there', async () => {
    const { rejectedFile } = await check(REFUSED, {}, 'again.csv');
    const corrected = readFileSync(rejectedFile ?? '', 'utf8').replace('abc', '+2290190000003');
    const second = await check(corrected, {}, 'again2.csv');
    expect(second.counts).toEqual({ rows: 2, accepted: 1, duplicates: 0, refused: 1 });
    expect(readFileSync(second.rejectedFile ?? '', 'utf8')).toBe(
      'line;reason;phone;first_name;note\n4;it has 4 fields, the header has 5;+2290190000002;few\n',
    );
  });

  test('never replace a file that is there: not one corrected by hand, not that of an earlier list, not notes of somebody else', async () => {
    const first = (await check(REFUSED, {}, 'kept.csv')).rejectedFile ?? '';
    const corrected = readFileSync(first, 'utf8').replace('abc', '+2290190000003');
    writeFileSync(first, corrected);
    const second = await check(REFUSED, {}, 'kept.csv');
    expect(second.rejectedFile).toBe(`${second.path}.rejected-2.csv`);
    expect(readFileSync(first, 'utf8')).toBe(corrected);
    expect(readFileSync(second.rejectedFile ?? '', 'utf8')).toContain('not a phone number;abc;');

    const third = await check('phone;first_name\nxyz;Ama\n', {}, 'kept.csv');
    expect(third.rejectedFile).toBe(`${third.path}.rejected-3.csv`);
    const clean = await check('phone,first_name\n+2290190000001,Ama\n', {}, 'kept.csv');
    expect(clean.rejectedFile).toBeNull();
    expect(readFileSync(first, 'utf8')).toBe(corrected);

    folder.write('notes.csv.rejected.csv', '');
    expect((await check(REFUSED, {}, 'notes.csv')).rejectedFile).toMatch(/notes\.csv\.rejected-2\.csv$/);
  });

  test('are written once, however often the same rows are refused; and of several checks at once each has its own file', async () => {
    const path = folder.write('shared.csv', 'phone,first_name\n0190000001,Ama\n0612345678,Zoé\nabc,Kofi\n');
    const checked = (country: string) => checkPeople({ path, country, message1: null, message2: null });
    const countries = Array.from({ length: 12 }, (_, n) => ['BJ', 'FR', 'US'][n % 3] as string);
    const checks = await Promise.all(countries.map(checked));
    const files = new Map(countries.map((country, n) => [country, checks[n]?.rejectedFile ?? '']));
    expect(checks.map(({ rejectedFile }) => rejectedFile)).toEqual(countries.map((country) => files.get(country)));
    expect(new Set(files.values()).size).toBe(3);
    const linesIn = (country: string) => readFileSync(files.get(country) ?? '', 'utf8').match(/^\d+/gm);
    expect([linesIn('BJ'), linesIn('FR'), linesIn('US')]).toEqual([['3', '4'], ['4'], ['2', '3', '4']]);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('are not written in a dry run, nor half when the file turns out unusable', async () => {
    const before = readdirSync(folder.path).length;
    expect((await check(REFUSED, { writeRejected: false }, 'dry.csv')).rejectedFile).toBeNull();
    const broken = `phone,first_name\n${'abc,x\n'.repeat(4_000)}abc,"x`;
    await expect(check(broken, {}, 'broken.csv')).rejects.toThrow('never closed');
    expect(readdirSync(folder.path)).toHaveLength(before + 2);
  });

  test('that cannot be written are an error that says where, and shows the first of them', async () => {
    const name = `${'x'.repeat(245)}.csv`;
    const checking = check(REFUSED, {}, name);
    await expect(checking).rejects.toThrow(InfrastructureError);
    await expect(checking).rejects.toThrow(/x\.csv\.rejected\.csv: .*name too long\n {2}line \d+: /);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

test('errors and reasons show no whole phone number', async () => {
  const people = await check('phone,first_name\n+22990000006,x\n+229019000000123,y\n2290190000001,z\n');
  expect(JSON.stringify(people.firstRefused)).not.toMatch(/\d{6}/);
});

const number = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((n) => `+22901900000${String(n).padStart(2, '0')}`),
  fc.integer({ min: 0, max: 20 }).map((n) => `01 90 00 00 ${String(n).padStart(2, '0')}`),
  fc.constantFrom('', 'abc', '+1', '2.2E+10', "'0190000001"),
);

test('whatever the rows and the layout: counts add up, and the second reading is what an independent judge accepts, in order', async () => {
  const row = fc.tuple(number, fc.constantFrom('Ama', 'BAD', '', 'K"o,f;i\n\t'), fc.constantFrom('x', 'é😀'));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), style, async (rows, how) => {
      const people = await check(
        writeCsv([['phone', 'first_name', 'note'], ...rows], how),
        { country: 'BJ', writeRejected: false },
        'any.csv',
      );
      const expected: string[] = [];
      for (const [cell, name] of rows) {
        const digits = cell.replace(/^'|[ +]/g, '').replace(/^229/, '');
        const phone = `+229${digits}`;
        if (/^01\d{8}$/.test(digits) && name !== 'BAD' && !expected.includes(phone)) expected.push(phone);
      }
      expect((await all(people.recipients())).map((recipient) => recipient.phone)).toEqual(expected);
      expect(people.counts.accepted).toBe(expected.length);
      expect(people.counts.rows).toBe(rows.length);
      expect(people.counts.accepted + people.counts.duplicates + people.counts.refused).toBe(people.counts.rows);
    }),
    { numRuns: 80 },
  );
});

test('any bytes at all are either refused in one line or counted without a rest', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .array(
        fc.constantFrom('phone', '\n', '\r', ',', ';', '\t', '"', '+2290190000001', '0190000002', ' ', '\uFEFF', 'sep=;', 'é', '\0', 'x'),
        { maxLength: 30 },
      )
      .map((parts) => Buffer.from(parts.join(''))),
    fc
      .array(fc.constantFrom('a', '\n', ',', '"', '+2290190000001', '""', '\r\n', 'é'), { maxLength: 30 })
      .map((parts) => Buffer.from(`phone,x\n${parts.join('')}`)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([Buffer.from('phone,x\n+2290190000001,'), bytes])),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([Buffer.from('\uFEFFphone\n', 'utf16le'), bytes])),
  );
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      try {
        const people = await check(
          bytes,
          { message1: null, country: 'BJ' },
          `${createHash('sha1').update(bytes).digest('hex').slice(0, 2)}.csv`,
        );
        const { rows, accepted, duplicates, refused } = people.counts;
        expect(rows).toBe(accepted + duplicates + refused);
        expect(await all(people.recipients())).toHaveLength(accepted);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.message).toMatch(/^[^\n\r]+$/);
      }
    }),
    { numRuns: 400 },
  );
});

test('huge cells, quotes that are never closed and characters cut in two are refused in one line or counted', async () => {
  const size = fc.integer({ min: 1, max: 600_000 });
  const huge = fc.oneof(
    size.map((n) => `phone,x\n+2290190000001,"${'a'.repeat(n)}`),
    size.map((n) => `phone,x\n+2290190000001,${'"'.repeat(n)}`),
    size.map((n) => `phone,x\n+2290190000001,${'é'.repeat(Math.ceil(n / 10))}\n`),
    size.map((n) => `phone${',x'.repeat(Math.ceil(n / 100))}\n+2290190000001\n`),
    size.map((n) => `phone\n${'\n'.repeat(n)}+2290190000001`),
    size.map((n) => `phone,x\n${'+2290190000001,y\n'.repeat(Math.ceil(n / 1_000))}`),
  );
  await fc.assert(
    fc.asyncProperty(huge, fc.nat(5), async (text, cut) => {
      try {
        const { counts } = await check(
          Buffer.from(text).subarray(0, Buffer.byteLength(text) - cut),
          { message1: null, writeRejected: false },
          'huge.csv',
        );
        expect(counts.rows).toBe(counts.accepted + counts.duplicates + counts.refused);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.message).toMatch(/^[^\n\r]{1,600}$/);
      }
    }),
    { numRuns: 15 },
  );
});

test('the demo has 40 recipients, of which the sandbox refuses two, and greets those without a name', async () => {
  const path = fileURLToPath(new URL('../../../examples/people.csv', import.meta.url));
  const message1 = compileTemplate('Hello {{ First_Name | default: "friend" }} in {{ city }}', '--message');
  const people = await checkPeople({
    path,
    message1,
    message2: compileTemplate('Thanks {{ phone }}', '--message-2'),
    writeRejected: false,
  });
  expect(people.counts).toEqual({ rows: 40, accepted: 40, duplicates: 0, refused: 0 });
  expect(people.absentVariables).toEqual([]);
  const recipients = await all(people.recipients());
  expect(recipients.filter((recipient) => recipient.phone.endsWith('0000'))).toHaveLength(2);
  expect(recipients.filter((recipient) => recipient.message1.startsWith('Hello friend in '))).toHaveLength(3);
  expect(recipients[2]).toMatchObject({ message1: 'Hello Awa in Cotonou, Haie Vive', message2: 'Thanks +2290190000003' });
});
