import { randomUUID } from 'node:crypto';
import type { MessageType } from '../../core/campaign.ts';
import { checkVersion } from '../../errors.ts';
import { CHECKPOINT_VERSION, type CheckpointHeader, type CheckpointStore, WISH_LIFE } from '../../ports.ts';
import { checkRedis } from './check.ts';
import { connect } from './connection.ts';
import { decode, decodeLock, encodeLock } from './encoding.ts';
import { heldCheckpoint } from './held.ts';
import { keysOf } from './keys.ts';

/**
 * Checkpoints in one Redis (not a cluster): `redis://…` or, over TLS, `rediss://…`. Connects with the first call. Every call rejects with
 * CheckpointUnreachable within 5 s when Redis does not answer or takes no writes, and with UsageError where the address, the password or
 * the rights are wrong; after the former the same call may be repeated, and works once Redis is back.
 */
export function redisCheckpointStore(url: string, type: MessageType = 'message_1'): CheckpointStore {
  const redis = connect(url);
  const keys = (campaign: number, line: string) => keysOf({ campaign, type }, line);
  return {
    async acquire(campaign, line, owner, replacing) {
      const stream = { campaign, type };
      const args = [encodeLock(owner, stream, line), owner.token, campaign, CHECKPOINT_VERSION, ...replacing];
      const [answer, detail] = await redis.run('acquire', keys(campaign, line), args);
      if (answer === 'newer') checkVersion(campaign, detail);
      if (answer === 'ok') return { checkpoint: heldCheckpoint(redis, stream, line, owner) };
      const holder = decodeLock(detail);
      return { heldBy: holder.owner, what: answer, campaign: holder.campaign, type: holder.type };
    },

    async view(campaign) {
      const [version, header, lock, sent, failed, lastMessage, inDoubt, claimed, retrying, unstoredSent, unstoredFailed] = await redis.run(
        'view',
        keys(campaign, ''),
        [],
      );
      checkVersion(campaign, version);
      return {
        header: header === null ? null : decode<CheckpointHeader>(header),
        owner: lock === null ? null : decodeLock(lock).owner,
        sent: Number(sent ?? 0),
        failed: Number(failed ?? 0),
        lastMessage: lastMessage === null ? null : Number(lastMessage),
        inDoubt,
        claimed,
        retrying,
        unstored: { sent: unstoredSent, failed: unstoredFailed },
      };
    },

    wantLine: async (line, owner) => void (await redis.run('wantLine', keys(0, line), [owner.token, WISH_LIFE])),
    moveCounters: async ({ campaign, sent, failed }) =>
      void (await redis.run('moveCounters', keys(campaign, ''), [sent, failed, randomUUID()])),
    async revise(campaign, change, replacing) {
      const [version, json] = await redis.run('view', keys(campaign, ''), []);
      checkVersion(campaign, version);
      if (json === null) return false;
      const header = change(decode<CheckpointHeader>(json));
      const args = [json, JSON.stringify(header), header.finished ? 'finished' : '', ...replacing];
      return (await redis.run('revise', keys(campaign, ''), args)) === 1;
    },
    requestPause: async (campaign) => (await redis.run('requestPause', keys(campaign, ''), [])) === 1,
    check: () => checkRedis(redis),
    close: () => redis.close(),
  };
}
