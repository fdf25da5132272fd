import type { Pace } from '../../core/pacing.ts';
import { formatCount, formatDuration, MINUTE } from '../../core/units.ts';
import type { Advice } from '../../ports/provider.ts';
import { isFields, quote } from './body.ts';

type Fields = Record<string, unknown>;

/** Plans without inbound events. Source: the provider's Swagger file for the words, its own chat bot for their meaning. */
const WITHOUT_REPLIES = new Set(['gateway', 'agent', 'support']);
/** Messages of the example that shows what a slow device means. */
const EXAMPLE = 1_000;

/**
 * What a device tells of itself that stands in the way of a campaign at this pace. A field that is not told, or told in words that we do not know,
 * is taken to be well.
 */
export function lineAdvice(device: Fields, { pace, secret }: { pace: Pace; secret: string }): Advice[] {
  const all = [kind(device), plan(device, secret), speed(device, pace), hours(device, secret)];
  return all.filter((advice) => advice !== null);
}

function kind({ connector }: Fields): Advice | null {
  if (connector !== 'cloud') return null;
  return {
    seen: 'the line is one of the official API (connector cloud): it refuses free text to people who have not written within 24 h',
    next: 'Send on a line that is linked by QR code (connector web), or only to people who have just written.',
  };
}

function plan({ billing }: Fields, secret: string): Advice | null {
  const subscription = isFields(billing) && isFields(billing.subscription) ? billing.subscription : {};
  const product = quote(subscription.product, secret);
  if (!WITHOUT_REPLIES.has(product)) return null;
  return {
    seen: `the plan of the device (${product}) reports no replies: no STOP arrives, and no Message 2 goes out`,
    next: 'Change to a plan with inbound events (Platform, "io") in the Wassenger console, or keep the list by hand: wsend optout add.',
  };
}

function speed({ settings }: Fields, { delayMs, batchSize, batchPauseMs }: Pace): Advice | null {
  const perMinute = isFields(settings) ? settings.deliverySpeed : undefined;
  const wanted = MINUTE / (delayMs + batchPauseMs / batchSize);
  // 0 is the plan's own speed, which is not told.
  if (typeof perMinute !== 'number' || !(perMinute > 0) || perMinute >= wanted) return null;
  const pace = Number.isFinite(wanted) ? `the pace is ${Math.round(wanted * 10) / 10}` : 'the pace has no delay';
  const lasts = formatDuration(Math.round(EXAMPLE / perMinute) * MINUTE);
  return {
    seen: `the device delivers ${formatCount(perMinute, 'message')} a minute and ${pace}: wsend waits whenever its queue is full`,
    next: `Raise the delivery speed of the device in the Wassenger console; otherwise ${EXAMPLE} messages take ${lasts}.`,
  };
}

function hours({ settings }: Fields, secret: string): Advice | null {
  const given = isFields(settings) && isFields(settings.operativeHours) ? settings.operativeHours : {};
  if (given.enable !== true && given.enabled !== true) return null;
  const zone = quote(given.timezone, secret);
  return {
    seen: `the device has opening hours${zone === '' ? '' : ` (${zone})`}: outside them messages wait in its queue`,
    next: 'Send inside them, or switch them off in the settings of the device.',
  };
}
