import { planContact } from './contact.ts';
import { isOffline } from './decision.ts';
import { type Delivery, deliveryOf } from './device-queue.ts';
import type { SandboxState } from './state.ts';

/** How the device of a sandbox delivers now. */
export function deliveryNow({ faults, faultsSince, now }: SandboxState): Delivery {
  return deliveryOf(faults, isOffline(faults, now() - faultsSince));
}

/** Lets everything leave the device's queue whose time has come. What becomes of a message is planned from the moment on which it leaves. */
export async function deliverDue(state: SandboxState): Promise<void> {
  const { queue, store, now, teller } = state;
  if (queue.size() === 0) return;
  const delivery = deliveryNow(state);
  for (const { message, at } of queue.leave(delivery, now())) {
    const planned = planContact({ ...message, at }, state.planning());
    await store.events.add(planned);
    teller?.tell(planned);
  }
  if (teller === null) return;
  // A webhook is told of what happens, and may ask for nothing meanwhile.
  const next = queue.nextLeave(delivery);
  clearTimeout(state.nextDelivery);
  if (next !== null) state.nextDelivery = setTimeout(() => void deliverDue(state).catch(() => undefined), next - now()).unref();
}
