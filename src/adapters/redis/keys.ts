import type { MessageType } from '../../core/campaign.ts';

/** One type of message of one campaign. */
export interface Stream {
  campaign: number;
  type: MessageType;
}

/** The keys of one campaign's Message 1 or 2 and of the line it is sent on, in the order in which every script receives them. */
export function keysOf({ campaign, type }: Stream, line: string): string[] {
  const prefix = type === 'message_1' ? `campaign:${campaign}:` : `campaign:${campaign}:message_2:`;
  return [...CAMPAIGN_KEYS.map((name) => `${prefix}${name}`), ...LINE_KEYS.map((name) => `line:${line}:${name}`)];
}

/**
 * `sent`, `failed` and `last_message` are for other programs to read, everything else is ours: `claims`, `outcomes`, `doubts` and `retries`
 * are hashes by message id, `owners` by token (a claim names its owner's token), `header` holds `version`, `json` and what was applied last.
 */
const CAMPAIGN_KEYS = [
  'lock',
  'pause',
  'header',
  'sent',
  'failed',
  'last_message',
  'claims',
  'outcomes',
  'doubts',
  'retries',
  'owners',
] as const;

const LINE_KEYS = ['lock', 'pacing', 'wanted'] as const;

/** The same keys as the scripts name them, for their first lines. */
export const KEY_NAMES = [...CAMPAIGN_KEYS, 'line_lock', 'pacing', 'line_wanted'].join(', ');
