import { queuedRecord } from './records.ts';
import { json, type Reply, webPage } from './reply.ts';
import type { TakenMessage } from './store.ts';

/** How a 2xx may look that does not confirm the message. */
export const ODD_ANSWERS = ['error', 'no-success', 'page', 'empty', 'list', 'null', 'no-content', 'failed', 'stranger'] as const;
export type OddAnswer = (typeof ODD_ANSWERS)[number];

/** A 2xx in place of the answer to a message, which may have been taken all the same. */
export function oddAnswer(kind: OddAnswer, message: TakenMessage): Reply {
  switch (kind) {
    case 'error':
      return json(200, { error: 'Something went wrong' });
    case 'no-success':
      return json(200, { success: false });
    case 'page':
      return webPage(200, 'Please log in');
    case 'empty':
      return { ...json(200, ''), body: '' };
    case 'list':
      return json(200, []);
    case 'null':
      return json(200, null);
    case 'no-content':
      return { ...json(204, ''), body: '' };
    case 'failed':
      return json(201, { ...queuedRecord(message), status: 'failed', deliveryStatus: 'failed' });
    case 'stranger':
      return json(201, { ...queuedRecord(message), id: `${message.id.slice(0, -4)}ffff`, reference: `${message.reference}x` });
  }
}
