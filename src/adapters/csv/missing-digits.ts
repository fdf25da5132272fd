import type { PhoneNumber } from 'libphonenumber-js/min';
import { parsePhoneNumberWithError } from 'libphonenumber-js/min';

/** What to do about a number without its area code, which is a whole number only within its area; undefined where it has one. */
export function missingAreaCode({ countryCallingCode, nationalNumber }: PhoneNumber): string | undefined {
  const area = AREA_CODES[countryCallingCode];
  if (!area?.without.includes(nationalNumber.length)) return undefined;
  return `the area code is missing; write it in front of the number (${area.example})`;
}

/** What to do about a number that fits its country with one more 0 in front; undefined where it does not. */
export function missingZero({ countryCallingCode: code, nationalNumber }: PhoneNumber): string | undefined {
  // The country code may stand before it already, without its +.
  const bare = nationalNumber.startsWith(code) ? [nationalNumber, nationalNumber.slice(code.length)] : [nationalNumber];
  return bare.some((rest) => isValid(`+${code}0${rest}`)) ? LOST_ZERO : undefined;
}

/** Spreadsheets take a number that begins with 0 for an amount. */
const LOST_ZERO =
  'it fits with a 0 in front (after the country code), which spreadsheets drop; format the column as text and put the 0 back';

/** The countries in which people leave out the area code, and how many digits their numbers then have. */
const AREA_CODES: Record<string, { without: number[]; example: string }> = {
  '55': { without: [8, 9], example: 'two digits, such as 11 in São Paulo' },
  '52': { without: [7, 8], example: 'two or three digits, such as 55 in Mexico City' },
  '54': { without: [6, 7, 8], example: 'two to four digits, such as 11 in Buenos Aires' },
  '1': { without: [7], example: 'three digits, such as 212 in New York' },
};

function isValid(number: string): boolean {
  try {
    return parsePhoneNumberWithError(number, { extract: false }).isValid();
  } catch {
    return false;
  }
}
