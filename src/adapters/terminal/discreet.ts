import { maskPhone } from '../../core/phone.ts';

/** A text that may be logged: without the user, password or token of a URL, and without whole phone numbers (E.164, or ten and more digits). */
export function discreet(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, '$1***@')
    .replace(/([?&](?:password|token|api_?key)=)[^&\s]+/gi, '$1***')
    .replace(/\+\d{7,15}(?!\d)|(?<![\w.-])\d{10,15}(?![\w-])/g, maskPhone);
}
