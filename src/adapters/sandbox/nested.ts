type Fields = Record<string, unknown>;

/** A webhook call in the other shape of the provider's papers: an id of its own, and the message and the chat apart. */
export function nested(event: { event: string; created: number; device: { id: string }; data: Fields }): Fields {
  const { chat, flow, from, to, fromNumber, toNumber, device: _, date: __, ...message } = event.data;
  const { id, contact } = chat as { id: string; contact: Fields };
  return {
    id: `evt_${message.id}`,
    event: event.event,
    createdAt: new Date(event.created * 1_000).toISOString(),
    device: event.device.id,
    data: {
      message: { ...message, chat: id, from: digitsOf(from), to: digitsOf(to), fromMe: flow === 'outbound' },
      chat: { id: '65cc00000000000000000001', contact: { name: 'Contact', ...contact }, status: 'active', assignedTo: null },
    },
  };
}

function digitsOf(wid: unknown): string {
  return String(wid).replace(/@.*/, '');
}
