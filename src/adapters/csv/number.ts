import {
  type CountryCode,
  getCountryCallingCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberWithError,
  validatePhoneNumberLength,
} from 'libphonenumber-js/min';
import { currentForm } from '../../core/person.ts';
import { type Phone, toE164 } from '../../core/phone.ts';
import { UsageError } from '../../errors.ts';
import { missingAreaCode, missingZero } from './missing-digits.ts';
import { shown } from './shown.ts';

/**
 * A number that can be sent to, with its country's calling code (digits), or why it cannot, in words that name no digits. `renumbered`: it was
 * written in a form that its country has replaced, and `phone` is the one that is valid today.
 */
export type ReadNumber = { phone: Phone; callingCode: string; renumbered?: boolean } | { problem: string };

/** The country of numbers without a country code, from a flag: two letters of ISO 3166, in any case. Throws UsageError for anything else. */
export function readCountry(flag: string): CountryCode {
  const country = flag.trim().toUpperCase();
  if (isSupportedCountry(country)) return country;
  throw new UsageError(
    `--country: ${shown(flag)} is not a country; two letters are allowed, such as BJ for Benin or FR for France (ISO 3166)`,
  );
}

/**
 * Reads a cell as a phone number. A number with its country code (`+` or `00`) needs only a length that its country has: number ranges
 * open faster than any list of them. One without it is completed from `country`, and because that is a guess it must also fit
 * the country's pattern; when both readings fit (the country code is there without its +, or the digits only look so) it is refused.
 * The small ("min") data of libphonenumber holds exactly this, lengths and patterns, in half the size of the full one.
 */
export function readNumber(cell: string, country: CountryCode | undefined): ReadNumber {
  const text = undress(cell);
  if (text === '') return { problem: 'no phone number' };
  const damage = spreadsheetDamage(text);
  if (damage) return { problem: damage };
  const international = /^\+/.test(text);
  if (!international && country === undefined && /^[\p{Nd}\s().\-/]+$/u.test(text)) {
    return { problem: 'the number has no country code; write it with + and the code, or use --country' };
  }
  if (!/\p{Nd}/u.test(text)) return { problem: 'not a phone number' };
  const written = parse(text, international ? undefined : country);
  if (typeof written === 'string') return { problem: written };
  if (written.ext) return { problem: 'the number has an extension; WhatsApp numbers have none' };
  const today = currentForm(written.number);
  if (today === written.number) return judge(written, text, country);
  const number = parse(today, undefined);
  const read = typeof number === 'string' ? { problem: number } : judge(number, text, country);
  return 'phone' in read ? { ...read, renumbered: true } : read;
}

/** The number that a text was read as, where it can be sent to. */
function judge(number: PhoneNumber, text: string, country: CountryCode | undefined): ReadNumber {
  const international = text.startsWith('+');
  const area = missingAreaCode(number);
  if (area) return { problem: area };
  if (!number.isPossible()) return { problem: lengthProblem(number, international) };
  if (!international && country) {
    const doubt = completionProblem(text, number, country);
    if (doubt) return typeof doubt === 'string' ? { problem: doubt } : doubt;
  }
  return accept(number);
}

/** Without what spreadsheets and phones put around a number: the apostrophe or formula that keeps it a text, invisible marks, `00` for +. */
function undress(cell: string): string {
  const plain = /^[ -~]*$/.test(cell)
    ? cell
    : cell
        .normalize('NFKC')
        .replace(/\p{Cf}/gu, '')
        .replace(/[\p{Pd}\u2212]/gu, '-');
  return plain
    .trim()
    .replace(/^="(.*)"$/s, '$1')
    .replace(/^['‘’`]/, '')
    .trim()
    .replace(/^00\s*(?=[1-9])/, '+');
}

function spreadsheetDamage(text: string): string | undefined {
  if (/^[+-]?\d+([.,]\d+)?E\+?\d+$/i.test(text)) {
    return 'a spreadsheet has shortened the number (as in 2.3E+11) and digits are lost; format the column as text and enter it again';
  }
  if (/^\+?\d+[.,]0+$/.test(text)) return 'a spreadsheet has added decimals to the number (as in 229….0); format the column as text';
  return undefined;
}

function parse(text: string, country: CountryCode | undefined): PhoneNumber | string {
  try {
    return parsePhoneNumberWithError(text, { extract: false, ...(country ? { defaultCountry: country } : {}) });
  } catch (error) {
    switch ((error as Error).message) {
      case 'INVALID_COUNTRY':
        return 'no country has this country code';
      case 'TOO_SHORT':
        return 'the number is too short';
      case 'TOO_LONG':
        return 'the number is too long';
      default:
        return 'not a phone number';
    }
  }
}

function lengthProblem(number: PhoneNumber, international: boolean): string {
  const where = placeOf(number);
  const zero = missingZero(number);
  const hint = zero === undefined ? '' : `; ${zero}`;
  switch (validatePhoneNumberLength(number.number)) {
    case 'TOO_SHORT':
      return `the number is too short for ${where}${hint}`;
    case 'TOO_LONG':
      return `the number is too long for ${where}${international || hint ? hint : '; one of another country needs its + and code'}`;
    default:
      return `no number of ${where} has this length${hint}`;
  }
}

/** So many digits without a leading 0 are more often a number with its country code than one without. */
const LONG = 12;

/** Whether the completed number is to be doubted: a problem, another reading, or undefined when it stands. */
function completionProblem(text: string, number: PhoneNumber, country: CountryCode): ReadNumber | string | undefined {
  const code = getCountryCallingCode(country);
  const digits = text.replace(/\D/g, '');
  if ((digits.startsWith(code) || digits.length >= LONG) && number.number !== `+${digits}`) {
    const other = parse(`+${digits}`, undefined);
    const fits = typeof other !== 'string' && other.isValid();
    if (fits && other.countryCallingCode === code && !number.isValid()) return accept(other);
    if (fits) return 'it is not clear whether the number already begins with a country code; write it with +';
  }
  return number.isValid() ? undefined : `not a number of ${placeOf(number)}; write it with + and the country code if it is right`;
}

function accept(number: PhoneNumber): ReadNumber {
  const phone = toE164(number.number);
  return phone === undefined ? { problem: 'the number is too short' } : { phone, callingCode: number.countryCallingCode };
}

function placeOf(number: PhoneNumber): string {
  countryNames ??= new Intl.DisplayNames(['en'], { type: 'region' });
  const name = number.country ? countryNames.of(number.country) : undefined;
  return name ? `${name} (+${number.countryCallingCode})` : `+${number.countryCallingCode}`;
}

let countryNames: Intl.DisplayNames | undefined;
