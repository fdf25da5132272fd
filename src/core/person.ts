import type { Phone } from './phone.ts';

/** Names the person at one WhatsApp account: the one form, in E.164, that all true forms of their number have in common. */
export type PersonKey = Phone;

/** Code of a row that would be a second message of its campaign to the same person. Its failure is no fault, so it counts into no error rate. */
export const DUPLICATE = 'recipient:duplicate';

/** A country in which one account may be spelled in two true forms: how one becomes the other, and back. */
interface TwoForms {
  /** `old` and `now` where the country has changed its numbers; both live on elsewhere. */
  replaced: boolean;
  toKey: [RegExp, string | ((rest: string) => string)];
  toOther: [RegExp, string];
}

/**
 * The countries whose numbers have two true forms, and which form is the key. WhatsApp names an account by the form that it was registered
 * with, whatever its country says today; that it does so was met in Brazil, Mexico, Argentina and Côte d'Ivoire, and is likely in Benin.
 */
const TWO_FORMS: TwoForms[] = [
  // Benin, since 30 November 2024: 01 before the eight digits that were.
  { replaced: true, toKey: [/^\+229(\d{8})$/, '+22901$1'], toOther: [/^\+22901(\d{8})$/, '+229$1'] },
  // Côte d'Ivoire, since 31 January 2021: two digits that name the operator before the eight that were.
  {
    replaced: true,
    toKey: [/^\+225(\d{8})$/, (rest) => `+225${ivorianOperator(rest)}${rest}`],
    toOther: [/^\+225(?:01|05|07|21|25|27)(\d{8})$/, '+225$1'],
  },
  // Mexico, since August 2019: no 1 after the country code, which WhatsApp keeps.
  { replaced: true, toKey: [/^\+521(\d{10})$/, '+52$1'], toOther: [/^\+52([2-9]\d{9})$/, '+521$1'] },
  // Argentina: mobile numbers have a 9 when they are called from abroad.
  { replaced: false, toKey: [/^\+549(\d{10})$/, '+54$1'], toOther: [/^\+54([1-8]\d{9})$/, '+549$1'] },
  // Brazil: a 9 before the eight digits of a mobile number, which begin with 6 to 9; older accounts are without it.
  { replaced: false, toKey: [/^\+55([1-9]\d)9([6-9]\d{7})$/, '+55$1$2'], toOther: [/^\+55([1-9]\d)([6-9]\d{7})$/, '+55$19$2'] },
];

/** The person that a number reaches. Two numbers with one key are one person: one message, one opt-out, one reply. */
export function personKey(phone: Phone): PersonKey {
  const country = TWO_FORMS.find(({ toKey }) => toKey[0].test(phone));
  return country === undefined ? phone : keyIn(country, phone);
}

/** All true forms of a number, the one that was given first. */
export function formsOf(phone: Phone): Phone[] {
  const key = personKey(phone);
  const country = TWO_FORMS.find(({ toOther }) => toOther[0].test(key));
  const other = country === undefined ? key : key.replace(...country.toOther);
  // A number that was given out after the change never had an old form: a number that looks like it is another person's.
  return [...new Set([phone, key, ...(personKey(other) === key ? [other] : [])])];
}

/** The form of a number that is valid today: another one only where its country has replaced the old. */
export function currentForm(phone: Phone): Phone {
  const country = TWO_FORMS.find(({ replaced, toKey }) => replaced && toKey[0].test(phone));
  return country === undefined ? phone : keyIn(country, phone);
}

function keyIn({ toKey: [form, change] }: TwoForms, phone: Phone): PersonKey {
  return typeof change === 'string' ? phone.replace(form, change) : phone.replace(form, (_, rest: string) => change(rest));
}

/**
 * The two digits that an old number of Côte d'Ivoire was given, by its operator: Moov, MTN and Orange had the second digits 0–3, 4–6 and
 * 7–9 of mobile numbers; of the numbers of houses, which begin with 2 or 3, the third digit tells. Source: the numbering plan of ARTCI, 2021.
 */
function ivorianOperator(rest: string): string {
  const [first, second, third] = rest as unknown as [string, string, string];
  if (first === '2' || first === '3') return third === '0' ? '25' : third === '8' ? '21' : '27';
  return second <= '3' ? '01' : second <= '6' ? '05' : '07';
}
