import { expect, test } from 'vitest';
import { type CampaignState, displayState } from '../../src/core/campaign-state.ts';

const owner = { host: 'office', pid: 7, startedAt: 0 };
const paused = { reason: 'pause', detail: '', at: 0 };

test.each([
  { says: 'running', of: { owner, paused, status: 'sending', pending: 3 } },
  { says: 'paused', of: { owner: null, paused, status: 'sending', pending: 3 } },
  { says: 'interrupted', of: { owner: null, paused: null, status: 'sending', pending: 3 } },
  { says: 'replies', of: { owner: null, paused: null, status: 'sending', pending: 0 } },
  { says: 'draft', of: { owner: null, paused: null, status: 'draft', pending: 3 } },
  { says: 'completed', of: { owner: null, paused: null, status: 'completed', pending: 0 } },
  { says: 'failed', of: { owner: null, paused: null, status: 'failed', pending: 0 } },
  { says: 'cancelled', of: { owner: null, paused, status: 'completed', pending: 3, cancelledAt: 5 } },
  { says: 'other', of: { owner: null, paused: null, status: 'archived', pending: 0 } },
] as {
  says: string;
  of: { owner: typeof owner | null; paused: typeof paused | null; status: string; pending: number; cancelledAt?: number };
}[])('a campaign is said to be $says', ({ says, of }) => {
  const state: CampaignState = {
    campaign: {
      id: 1,
      name: '',
      message1: null,
      message2: null,
      status: of.status,
      createdAt: null,
      updatedAt: null,
      cancelledAt: of.cancelledAt ?? null,
    },
    progress: { total: 3, pending: of.pending, sent: 3 - of.pending, failed: 0, inDoubt: 0, skipped: 0 },
    paused: of.paused,
    owner: of.owner,
    sandbox: false,
    replies: null,
    failures: [],
    etaMs: null,
    endsAt: null,
    updatedAt: null,
    lastMessage: null,
    next: null,
  };
  expect(displayState(state)).toBe(says);
});
