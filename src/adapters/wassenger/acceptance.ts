import type { Outcome } from '../../core/outcome.ts';
import { complaintOf, idOf, isFields, quote, readJson, subject } from './body.ts';
import type { Answer } from './exchange.ts';
import { hasFailed, isNumber } from './message-fields.ts';
import { otherName } from './who.ts';

/** What was sent, as far as an answer to it may repeat it. */
export interface Sent {
  reference: string;
  phone: string;
}

/** Words that say a call failed, where an answer has `status`. */
const ERROR = /^(error|errored|failure|refused|rejected)$/i;

type Fields = Record<string, unknown>;

/**
 * What a 2xx proves: that the message was taken only when it carries the provider's id, and nothing in it says otherwise. Where it shows a
 * reference, it is ours; where it shows none and a number, it is the one that was sent to, in whichever of its true forms. Every other 2xx is
 * unknown, `unexpected`, and says what came instead.
 */
export function acceptanceOf({ status, text }: Answer, sent: Sent, secret: string): Outcome {
  const json = readJson(text);
  const message = subject(json);
  const providerId = idOf(message.id, secret);
  const instead = failureIn(json, secret) ?? strangerIn(message, sent) ?? (providerId === null ? withoutId(json, text, secret) : null);
  if (instead === null) return { kind: 'accepted', providerId, whatsappId: idOf(message.waId, secret), ...otherName(message) };
  const reason = `the server answered ${status} with ${instead}`;
  return { kind: 'unknown', code: `http:${status}`, reason, offline: false, unexpected: true };
}

/** An error that an answer carries in spite of its status, in words; null when there is none. */
function failureIn(json: unknown, secret: string): string | null {
  const whole = Array.isArray(json) ? json[0] : json;
  const parts = [whole, subject(json)].filter(isFields);
  if (!parts.some(saysFailed)) return null;
  const { codes, message } = complaintOf(json, secret);
  const { status, deliveryStatus } = subject(json);
  const words = message || codes[0] || quote(typeof status === 'string' ? status : deliveryStatus, secret);
  return `an error${words === '' ? '' : `: ${words}`}`;
}

function saysFailed(part: Fields): boolean {
  const { error, errorCode, errors, success, status } = part;
  const isError = (value: unknown) => value !== undefined && value !== null && value !== false && value !== '';
  return (
    isError(error) ||
    isError(errorCode) ||
    (Array.isArray(errors) && errors.length > 0) ||
    success === false ||
    (typeof status === 'string' && ERROR.test(status)) ||
    (typeof status === 'number' && status >= 400) ||
    hasFailed(part)
  );
}

function strangerIn(message: Fields, sent: Sent): string | null {
  const { reference } = message;
  if (typeof reference === 'string' && reference !== '') return reference === sent.reference ? null : "another message's reference";
  return isNumber(message, sent.phone) === false ? 'a message to another number' : null;
}

function withoutId(json: unknown, text: string, secret: string): string {
  if (text.trim() === '') return 'nothing';
  if (json === undefined) return /^\s*</.test(text) ? 'a web page' : `no JSON: ${quote(text, secret).slice(0, 60)}`;
  return `no id of a message: ${quote(text, secret).slice(0, 60)}`;
}
