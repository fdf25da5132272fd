import { lazyWassengerProvider } from '../../../src/adapters/wassenger/lazy-provider.ts';
import { DEVICE, KEY, MESSAGE } from './sample.ts';

/** Run as a child: makes one send for each message, tells its outcome, and stops itself in the middle when asked to. */
const provider = lazyWassengerProvider({
  apiKey: KEY,
  device: DEVICE,
  baseUrl: process.argv[2] as string,
  timeoutMs: 10_000,
  now: Date.now,
});

process.on('message', async ({ withinMs, stop }: { withinMs: number; stop: boolean }) => {
  const sending = provider.send(MESSAGE, { notAfter: Date.now() + withinMs });
  if (stop) process.kill(process.pid, 'SIGSTOP');
  process.send?.(await sending);
});
process.send?.('ready');
