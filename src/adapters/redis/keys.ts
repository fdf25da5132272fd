/** The fields of a campaign that other programs may read: each has a key of its own beside, with a copy. */
export const COPIED = ['sent', 'failed', 'last_message'] as const;

/**
 * The keys of one name: a hash that is called like it, and for a campaign the copies, in the order of COPIED: `campaign:42:sent`, … of Message 1,
 * `campaign:42:message_2:sent`, … of Message 2.
 */
export function keysOf(name: string): string[] {
  const [, campaign, type] = /^(campaign:[^:]+):(message_[12])$/.exec(name) ?? [];
  if (campaign === undefined) return [name];
  const prefix = type === 'message_1' ? campaign : name;
  return [name, ...COPIED.map((field) => `${prefix}:${field}`)];
}
