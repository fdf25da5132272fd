import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** True when both texts are the same; takes as long whatever the difference is. */
export function isSecret(given: string, secret: string): boolean {
  return timingSafeEqual(hash(given), hash(secret));
}

/** True when `header` is `sha256=` and the HMAC-SHA256 of the body under the signing secret, in hexadecimal digits. */
export function isSigned(body: Uint8Array, header: string | undefined, signingSecret: string): boolean {
  const expected = `sha256=${createHmac('sha256', signingSecret).update(body).digest('hex')}`;
  return isSecret((header ?? '').trim().toLowerCase(), expected);
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
