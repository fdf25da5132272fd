import { json, type Reply, webPage } from './contact-reply.ts';
import type { OddAnswer } from './fault-values.ts';
import { queuedRecord } from './records.ts';
import type { TakenMessage } from './taken-message.ts';

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
