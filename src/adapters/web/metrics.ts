import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ListenMetrics } from '../../ports/inbox.ts';

/** Counts what a listener does, for Prometheus. `depth` is asked at each look. */
export function listenMetrics(depth: () => Promise<{ waiting: number; oldestSeconds: number }>): ListenMetrics {
  const registry = new Registry();
  const registers = [registry];
  const events = new Counter({
    name: 'wsend_events_total',
    help: 'What the provider reported, by kind and by what became of it.',
    labelNames: ['kind', 'result'],
    registers,
  });
  const message2 = new Counter({
    name: 'wsend_message_2_total',
    help: 'Message 2 by what became of it: made, unwritable, sent in a run that ended well, or in one that did not.',
    labelNames: ['result'],
    registers,
  });
  const calls = new Histogram({
    name: 'wsend_webhook_duration_seconds',
    help: 'Time to answer a webhook call, by the status of the answer.',
    labelNames: ['status'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
    registers,
  });
  const waiting = new Gauge({ name: 'wsend_inbox_depth', help: 'Facts that are not worked off yet.', registers });
  const oldest = new Gauge({ name: 'wsend_inbox_oldest_seconds', help: 'How long the oldest of them has waited.', registers });
  return {
    event: (kind, result) => events.inc({ kind, result }),
    message2: (result, count) => message2.inc({ result }, count),
    answered: (status, seconds) => calls.observe({ status: String(status) }, seconds),
    async text() {
      const now = await depth();
      waiting.set(now.waiting);
      oldest.set(now.oldestSeconds);
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
