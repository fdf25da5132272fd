import { afterEach, expect, it } from 'vitest';
import { expectComplaint } from './expectations.ts';
import { events, Place, phones, QUICK } from './program.ts';

const PHONES = phones(3);

let place: Place;
afterEach(() => place.leave());

it('wsend report says what became of each recipient, as CSV and with --json', async () => {
  place = new Place(QUICK);
  await place.sandbox(`reject=${PHONES[1]}`);
  place.write('people.csv', `phone,first_name\n${PHONES.map((phone, i) => `${phone},"P ""${i}"", x"`).join('\n')}\n`);
  expect((await place.run(['run', '--csv', 'people.csv', '--message', 'Hello', '--json', '--limit', '2'])).code).toBe(6);
  const { code, stdout, stderr } = await place.run(['report', '1']);
  expect([code, stderr]).toEqual([0, '']);
  const [head, one, two, three, end] = stdout.split('\n');
  expect(head).toBe(
    'message,phone,first_name,last_name,status,reason,attempts,sent_at,delivered_at,read_at,reply,replied_at,reacted_at,message_2',
  );
  expect(one).toMatch(new RegExp(`^1,\\${PHONES[0]},"P ""0"", x",,sent,,1,\\d{4}-\\d\\d-\\d\\dT[^,]+Z,,,,,,$`));
  expect(two).toMatch(new RegExp(`^2,\\${PHONES[1]},"P ""1"", x",,failed,"?phone:invalid: .+,1,,,,,,,$`));
  expect(three).toBe(`3,${PHONES[2]},"P ""2"", x",,pending,,0,,,,,,,`);
  expect(end).toBe('');
  const told = events(await place.run(['report', '1', '--json']));
  expect(told).toHaveLength(3);
  expect(told[2]).toEqual({
    ...{ type: 'recipient', campaign: 1, message: 3, phone: PHONES[2], first_name: 'P "2", x', last_name: null, status: 'pending' },
    ...{
      reason: null,
      attempts: 0,
      sent_at: null,
      delivered_at: null,
      read_at: null,
      reply: null,
      replied_at: null,
      reacted_at: null,
      message_2: null,
    },
  });
  expectComplaint(await place.run(['report', '7']), 2, 'wsend: there is no campaign 7');
});

it('names that begin as a formula does get an apostrophe in the CSV, and stay as they are with --json', async () => {
  place = new Place(QUICK);
  await place.sandbox();
  place.write('people.csv', `phone,first_name,last_name\n${PHONES[0]},"=HYPERLINK(""x"")",@b\n${PHONES[1]},+1,-2\n${PHONES[2]},a=1,B-C\n`);
  expect((await place.run(['run', '--csv', 'people.csv', '--message', 'Hello'])).code).toBe(0);
  const rows = (await place.run(['report', '1'])).stdout.split('\n').slice(1, 4);
  expect(rows.map((row) => row.split(',').slice(1, 4).join())).toEqual([
    `${PHONES[0]},"'=HYPERLINK(""x"")",'@b`,
    `${PHONES[1]},'+1,'-2`,
    `${PHONES[2]},a=1,B-C`,
  ]);
  const [first] = events(await place.run(['report', '1', '--json']));
  expect(first).toMatchObject({ first_name: '=HYPERLINK("x")', last_name: '@b' });
});
