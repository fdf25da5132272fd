import type { SandboxState } from './state.ts';

const ALL = ['message:in:new', 'message:reaction', 'message:out:ack', 'message:out:sent', 'message:out:failed'];

/** `GET /webhooks`: the one that is called, as the faults want it to be seen. */
export function webhookList({ webhook, faults: { webhooks }, startedAt }: SandboxState): Record<string, unknown>[] {
  if (webhook === null || webhooks === 'none') return [];
  return [
    {
      id: '5a4db0c5e4d0000000000002',
      name: 'wsend',
      url: webhook,
      status: webhooks === 'failed' ? 'failed' : 'active',
      events: webhooks === 'few' ? ['message:out:sent'] : ALL,
      createdAt: new Date(startedAt).toISOString(),
    },
  ];
}
