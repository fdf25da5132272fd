import { problem, type Reply } from './contact-reply.ts';

/** The most characters in a text message. */
const LONGEST_MESSAGE = 6_000;
const DEVICE_ID = /^[0-9a-f]{24}$/;
const FIELDS = ['phone', 'message', 'device', 'reference', 'retries'];
/** How often a delivery is tried where the request does not say. */
export const USUAL_RETRIES = 25;

/** The fields of `POST /messages` that wsend uses. */
export interface NewMessage {
  phone: string;
  message: string;
  device: string;
  reference: string;
  /** How often its delivery is tried. */
  retries: number;
}

/** A request body as a message, or the refusal that the real API would give: it knows no other fields, and numbers only in E.164 with `+`. */
export function validate(body: string, defaultDevice: string): NewMessage | Reply {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    return problem(400, 'The request body is not valid JSON');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return problem(400, 'The request body must be a JSON object');
  const { phone, message, device = defaultDevice, reference = '', retries = USUAL_RETRIES } = fields as Record<string, unknown>;
  for (const name in fields) {
    if (!FIELDS.includes(name)) return invalid(name.slice(0, 60), 'is not an allowed property');
  }
  if (phone === undefined) return invalid('phone', 'is required, as none of group, channel and chat is given');
  if (typeof phone !== 'string' || !/^\+[1-9]\d{6,14}$/.test(phone)) {
    return problem(400, 'The phone number is not valid: E.164 with +, no spaces', { errorCode: 'phone:invalid' });
  }
  if (typeof message !== 'string' || message === '') return invalid('message', 'must be a text');
  if (message.length > LONGEST_MESSAGE) return invalid('message', `must not be longer than ${LONGEST_MESSAGE} characters`);
  if (typeof device !== 'string' || !DEVICE_ID.test(device))
    return problem(400, 'The device id is not valid', { errorCode: 'device:invalid' });
  if (typeof reference !== 'string' || reference.length > 255) return invalid('reference', 'must be a text of at most 255 characters');
  if (!Number.isInteger(retries) || Number(retries) < 0 || Number(retries) > 100)
    return invalid('retries', 'must be a number from 0 to 100');
  return { phone, message, device, reference, retries: Number(retries) };
}

/** True for an id that a device may have: 24 hex digits. */
export function isDeviceId(id: string): boolean {
  return DEVICE_ID.test(id);
}

function invalid(path: string, complaint: string): Reply {
  return problem(400, `Validation error: "${path}" ${complaint}`, { errors: [{ path, message: complaint }] });
}
