import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MessageType } from '../../src/core/campaign.ts';
import type { PacingState } from '../../src/core/pacing.ts';
import { LeaseLost, UsageError } from '../../src/errors.ts';
import {
  type Change,
  type Checkpoint,
  type CheckpointHeader,
  type CheckpointStore,
  type Claim,
  type Doubt,
  NO_CHECKPOINT,
  type Owner,
  type Recovered,
  type Retry,
  type Settled,
} from '../../src/ports.ts';

/** One place where checkpoints are kept, as the contract uses it. */
export interface CheckpointPlace {
  /** A store of its own on that place, as another process would have it where the place allows. */
  store(type: MessageType): CheckpointStore;
  /** Lets time pass there: everything that expires does so `ms` earlier. */
  pass(ms: number): Promise<void>;
  /** Makes the campaign's checkpoint say that it was written in this format. */
  setVersion(campaign: number, version: number, type: MessageType): Promise<void>;
  /** How many owners the campaign's checkpoint keeps. */
  owners(campaign: number, type: MessageType): Promise<number>;
  close(): Promise<void>;
}

/** What every checkpoint store must do, tried on a real one. */
export function checkpointStoreContract(name: string, open: () => Promise<CheckpointPlace>): void {
  describe.each(['message_1', 'message_2'] as const)(`${name}: %s`, (type) => {
    let place: CheckpointPlace;
    let store: CheckpointStore;
    let campaign = 1_000;
    let line = '';
    beforeAll(async () => {
      place = await open();
      store = place.store(type);
    });
    afterAll(async () => {
      await store.close();
      await place.close();
    });
    beforeEach(() => {
      campaign += 1;
      line = `line-${campaign}`;
    });

    async function take(
      owner = newOwner(),
      options: { campaign?: number; line?: string; replacing?: string[]; from?: CheckpointStore } = {},
    ) {
      const { from = store, replacing = [] } = options;
      const answer = await from.acquire(options.campaign ?? campaign, options.line ?? line, owner, replacing);
      if (!('checkpoint' in answer)) throw new Error(`held by ${answer.heldBy.token} (${answer.what} of ${answer.campaign})`);
      return answer.checkpoint;
    }

    async function started(owner = newOwner()): Promise<Checkpoint> {
      const checkpoint = await take(owner);
      await checkpoint.recover();
      await checkpoint.begin(HEADER, { sent: 0, failed: 0 });
      return checkpoint;
    }

    describe('locks', () => {
      test('a campaign that another run holds is refused, with its owner', async () => {
        const owner = newOwner();
        await take(owner);
        expect(await store.acquire(campaign, 'another line', newOwner(), [])).toEqual({ heldBy: owner, what: 'campaign', campaign, type });
      });

      test('a line that another campaign is sent on is refused, with that campaign', async () => {
        const owner = newOwner();
        await take(owner);
        expect(await store.acquire(campaign + 500_000, line, newOwner(), [])).toEqual({ heldBy: owner, what: 'line', campaign, type });
      });

      test('a refused run takes neither lock: the free one stays free', async () => {
        await take();
        await store.acquire(campaign, 'left alone', newOwner(), []);
        await take(newOwner(), { campaign: campaign + 500_000, line: 'left alone' });
        expect('heldBy' in (await store.acquire(campaign + 600_000, line, newOwner(), []))).toBe(true);
        await take(newOwner(), { campaign: campaign + 600_000, line: 'also left alone' });
      });

      test('of many runs that start at the same moment, exactly one gets the campaign', async () => {
        const stores = Array.from({ length: 8 }, () => place.store(type));
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            (stores[i % 8] as CheckpointStore).acquire(campaign, i % 2 ? line : `${line}-b`, newOwner(), []),
          ),
        );
        expect(answers.filter((answer) => 'checkpoint' in answer)).toHaveLength(1);
        for (const one of stores) await one.close();
      });

      test('of many campaigns that start on one line at the same moment, exactly one gets it', async () => {
        const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => store.acquire(campaign * 1_000 + i, line, newOwner(), [])));
        expect(answers.filter((answer) => 'checkpoint' in answer)).toHaveLength(1);
      });

      test('the same run may ask again, and both of its answers work', async () => {
        const owner = newOwner();
        const first = await take(owner);
        const second = await take(owner);
        await first.commit([{ type: 'claim', claim: claimOf(1, owner) }], null);
        await second.commit([{ type: 'claim', claim: claimOf(2, owner) }], null);
        await first.commit([{ type: 'claim', claim: claimOf(3, owner) }], null);
        expect((await second.recover()).claims.map(({ message }) => message)).toEqual([1, 2, 3]);
      });

      test('a lock without a heartbeat is free after 15 s, not before', async () => {
        await take();
        await place.pass(8_000);
        expect('heldBy' in (await store.acquire(campaign, line, newOwner(), []))).toBe(true);
        await place.pass(7_100);
        await take();
      });

      test('every commit, even an empty one, keeps both locks for another 15 s', async () => {
        const owner = newOwner();
        const checkpoint = await take(owner);
        for (const changes of [[], [{ type: 'claim', claim: claimOf(1, owner) }], [{ type: 'forget', message: 1 }]] satisfies Change[][]) {
          await place.pass(8_000);
          await checkpoint.commit(changes, null);
        }
        await place.pass(8_000);
        expect('heldBy' in (await store.acquire(campaign, 'another line', newOwner(), []))).toBe(true);
        expect('heldBy' in (await store.acquire(campaign + 500_000, line, newOwner(), []))).toBe(true);
      });

      test('the locks of a run that is known to be dead are taken at once, those of others are not', async () => {
        const dead = newOwner();
        await take(dead);
        expect('heldBy' in (await store.acquire(campaign, line, newOwner(), ['someone else']))).toBe(true);
        await take(newOwner(), { replacing: ['someone else', dead.token] });
      });

      test('a dead run on the campaign does not open the line that a living one holds', async () => {
        const dead = newOwner();
        const living = newOwner();
        await take(dead);
        await take(living, { campaign: campaign + 500_000, line: 'busy' });
        const answer = await store.acquire(campaign, 'busy', newOwner(), [dead.token]);
        expect(answer).toEqual({ heldBy: living, what: 'line', campaign: campaign + 500_000, type });
        expect((await store.view(campaign)).owner).toEqual(dead);
      });

      test('release gives both locks back', async () => {
        await (await started()).release(HEADER);
        await take();
      });

      test('a run that changes its mind gives both locks back and leaves everything as it was', async () => {
        await (await started()).release({ ...HEADER, finished: true });
        const before = await store.view(campaign);
        const checkpoint = await take();
        await checkpoint.release(null);
        await checkpoint.release(null);
        expect(await store.view(campaign)).toEqual(before);
        await place.pass(8 * 24 * 60 * 60 * 1_000);
        expect((await store.view(campaign)).header).toBeNull();
        await (await take()).release(null);
        await (await started()).release(HEADER);
        await (await take()).release(null);
        await place.pass(8 * 24 * 60 * 60 * 1_000);
        expect((await store.view(campaign)).header).toEqual(HEADER);
      });

      test('a release that is repeated because its answer was lost is content', async () => {
        const checkpoint = await started();
        await checkpoint.release({ ...HEADER, finished: true });
        await checkpoint.release({ ...HEADER, finished: true });
        expect((await store.view(campaign)).header?.finished).toBe(true);
      });

      test('a release that is repeated after another run took over touches nothing', async () => {
        const checkpoint = await started();
        await checkpoint.release(HEADER);
        const next = newOwner();
        await started(next);
        await expect(checkpoint.release({ ...HEADER, finished: true })).rejects.toThrow(LeaseLost);
        expect(await store.view(campaign)).toMatchObject({ owner: next, header: { finished: false } });
      });
    });

    describe('a run that lost its lock', () => {
      test('can do nothing more once another run took over, and is told which', async () => {
        const dead = newOwner();
        const late = await started(dead);
        await late.commit([{ type: 'claim', claim: claimOf(1, dead) }], PACED);
        const owner = newOwner({ host: 'web-2', pid: 77 });
        const checkpoint = await take(owner, { replacing: [dead.token] });
        const before = await checkpoint.recover();
        const calls = [
          () => late.commit([], null),
          () => late.commit([{ type: 'settle', result: sentOf(1) }], { lastStart: 9, sentInBatch: 9, notBefore: 9 }),
          () => late.recover(),
          () => late.begin({ ...HEADER, identity: 'changed' }, { sent: 9, failed: 9 }),
          () => late.release({ ...HEADER, finished: true }),
        ];
        for (const call of calls) {
          const error = await call().catch((thrown: unknown) => thrown);
          expect(error).toBeInstanceOf(LeaseLost);
          expect((error as LeaseLost).message).toMatch(/taken over by process 77 on web-2/);
          expect((error as LeaseLost).message).not.toContain('\n');
        }
        expect(await checkpoint.recover()).toEqual(before);
        expect(await store.view(campaign)).toMatchObject({ sent: 0, claimed: 1, owner });
      });

      test('can do nothing more after 15 s without a heartbeat, even if nobody took over', async () => {
        const checkpoint = await started();
        await place.pass(15_100);
        await expect(checkpoint.commit([{ type: 'retry', retry: { message: 1, attempts: 1, dueAt: 5 } }], null)).rejects.toThrow(
          /lock on .* expired/,
        );
        await expect(checkpoint.commit([], null)).rejects.toThrow(LeaseLost);
        expect((await store.view(campaign)).retrying).toBe(0);
      });

      test('can do nothing more once another campaign has its line', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await take(newOwner({ pid: 99 }), { campaign: campaign + 500_000, replacing: [owner.token] });
        await expect(checkpoint.commit([], null)).rejects.toThrow(/line .* taken over by process 99/);
      });
    });

    describe('what is kept', () => {
      test('a first run finds nothing', async () => {
        const nothing: Recovered = {
          header: null,
          claims: [],
          outcomes: [],
          doubts: [],
          retries: [],
          counted: null,
          pacing: { lastStart: null, sentInBatch: 0, notBefore: 0 },
        };
        expect(await (await take()).recover()).toEqual(nothing);
        expect(await store.view(campaign + 1)).toEqual({
          header: null,
          owner: null,
          sent: 0,
          failed: 0,
          lastMessage: null,
          inDoubt: 0,
          claimed: 0,
          retrying: 0,
          unstored: { sent: 0, failed: 0 },
        });
      });

      test('the next run finds exactly what was committed: claims, outcomes, doubts, retries, header, pace', async () => {
        const before = newOwner({ host: 'höst "1"' });
        const checkpoint = await started(before);
        const huge = 2 ** 40 + 1;
        const claims = [claimOf(1, before), { ...claimOf(huge, before), reference: `wsend-1-${huge}-x` }];
        const doubt = { ...claimOf(3, before), reason: REASON };
        const failed = {
          kind: 'failed',
          message: 5,
          code: 'phone:invalid',
          reason: REASON,
          at: NOW,
          attempts: 3,
          providerId: null,
        } as const;
        const retry = { message: huge + 1, attempts: 2, dueAt: NOW + 120_000 };
        await checkpoint.commit(
          [
            ...[...claims, claimOf(4, before), claimOf(5, before)].map((claim): Change => ({ type: 'claim', claim })),
            { type: 'doubt', doubt },
            { type: 'retry', retry },
            { type: 'settle', result: sentOf(4) },
            { type: 'settle', result: failed },
          ],
          PACED,
        );
        const expected: Recovered = {
          header: HEADER,
          claims,
          outcomes: [sentOf(4), failed],
          doubts: [doubt],
          retries: [retry],
          counted: { sent: 1, failed: 1 },
          pacing: PACED,
        };
        expect(await (await take(newOwner(), { replacing: [before.token] })).recover()).toEqual(expected);
        expect(await store.view(campaign)).toMatchObject({ sent: 1, failed: 1, lastMessage: 5, unstored: { sent: 1, failed: 1 } });
      });

      test('the header comes back as it was given: settings, side, why it is paused', async () => {
        const header: CheckpointHeader = {
          identity: `${'é'.repeat(300)}\u0000"'\n{}`,
          sandbox: true,
          settings: { delay: 2.5, batchSize: 75, batchPause: 0, concurrency: 1 },
          paused: { reason: 'circuit_breaker', detail: '11 of 50 failed = 22 %: 9 × phone:invalid 😀', at: NOW },
          finished: false,
        };
        const checkpoint = await started();
        await checkpoint.begin({ ...header, paused: null }, { sent: 120, failed: 7 });
        expect(await store.view(campaign)).toMatchObject({ header: { ...header, paused: null }, sent: 120, failed: 7 });
        await checkpoint.release(header);
        expect(await store.view(campaign)).toMatchObject({ header, sent: 120, failed: 7, owner: null });
        expect(await (await take()).recover()).toMatchObject({ header, counted: { sent: 120, failed: 7 } });
      });

      test('status sees a running campaign without holding anything', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await checkpoint.commit(
          [
            ...[1, 2, 3, 4, 5].map((message): Change => ({ type: 'claim', claim: claimOf(message, owner) })),
            { type: 'settle', result: sentOf(1) },
            { type: 'settle', result: failedOf(2) },
            { type: 'settle', result: sentOf(3) },
            { type: 'stored', messages: [1] },
            { type: 'doubt', doubt: { ...claimOf(4, owner), reason: 'no answer' } },
            { type: 'retry', retry: { message: 6, attempts: 1, dueAt: NOW } },
          ],
          PACED,
        );
        const other = place.store(type);
        expect(await other.view(campaign)).toEqual({
          header: HEADER,
          owner,
          sent: 2,
          failed: 1,
          lastMessage: 3,
          inDoubt: 1,
          claimed: 1,
          retrying: 1,
          unstored: { sent: 1, failed: 1 },
        });
        await other.close();
      });

      test('two campaigns, one after another on the same line, share its pace', async () => {
        const checkpoint = await started();
        await checkpoint.commit([], PACED);
        await checkpoint.commit([], null);
        await checkpoint.release({ ...HEADER, finished: true });
        const next = await take(newOwner(), { campaign: campaign + 500_000 });
        expect((await next.recover()).pacing).toEqual(PACED);
        expect((await (await take(newOwner(), { line: `${line}-other` })).recover()).pacing.lastStart).toBeNull();
      });

      test('a commit of thousands of changes is applied whole', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        const messages = Array.from({ length: 5_000 }, (_, i) => 2 ** 40 + i);
        await checkpoint.commit(
          messages.map((message) => ({ type: 'claim', claim: claimOf(message, owner) })),
          null,
        );
        expect((await checkpoint.recover()).claims.map(({ message }) => message)).toEqual(messages);
        await checkpoint.commit(
          messages.map((message) => ({ type: 'settle', result: sentOf(message) })),
          null,
        );
        await checkpoint.commit([{ type: 'stored', messages }], null);
        expect(await store.view(campaign)).toMatchObject({ sent: 5_000, claimed: 0, unstored: { sent: 0 }, lastMessage: messages.at(-1) });
      });

      test('a claim keeps the owner who made it, also when a later run puts it in doubt; owners nobody refers to are dropped', async () => {
        const first = newOwner();
        const run = await started(first);
        await run.commit(
          [
            { type: 'claim', claim: claimOf(1, first) },
            { type: 'claim', claim: claimOf(2, first) },
          ],
          null,
        );
        const second = newOwner();
        const next = await take(second, { replacing: [first.token] });
        const found = await next.recover();
        await next.commit(
          [
            { type: 'doubt', doubt: { ...(found.claims[0] as Claim), reason: 'look-up failed' } },
            { type: 'forget', message: 2 },
          ],
          null,
        );
        await next.begin(HEADER, { sent: 0, failed: 0 });
        await next.commit([{ type: 'claim', claim: claimOf(3, second) }], null);
        const again = await next.recover();
        expect(again.doubts[0]?.owner).toEqual(first);
        expect(again.claims[0]?.owner).toEqual(second);
        await next.commit(
          [
            { type: 'settle', result: sentOf(1) },
            { type: 'stored', messages: [1] },
          ],
          null,
        );
        await next.begin(HEADER, { sent: 1, failed: 0 });
        expect(await place.owners(campaign, type)).toBe(1);
        expect((await next.recover()).claims[0]?.owner).toEqual(second);
      });

      test('a checkpoint that a newer wsend wrote is refused, not guessed at', async () => {
        await (await started()).release(HEADER);
        await place.setVersion(campaign, 2, type);
        await expect(store.acquire(campaign, line, newOwner(), [])).rejects.toThrow(UsageError);
        await expect(store.view(campaign)).rejects.toThrow(`campaign ${campaign} has format 2, this wsend knows 1`);
        await take(newOwner(), { campaign: campaign + 500_000 });
      });
    });

    describe('repeated commits', () => {
      test('a recipient is settled once, however often its settlement is repeated, and also by way of a doubt', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        const settle: Change[] = [{ type: 'settle', result: sentOf(1) }];
        await checkpoint.commit([{ type: 'claim', claim: claimOf(1, owner) }], null);
        await checkpoint.commit([{ type: 'doubt', doubt: { ...claimOf(1, owner), reason: 'no answer' } }], null);
        await checkpoint.commit(settle, null);
        await checkpoint.commit(settle, null);
        await checkpoint.commit([...settle, { type: 'stored', messages: [1] }], null);
        await checkpoint.commit(settle, null);
        expect(await store.view(campaign)).toMatchObject({ sent: 1, failed: 0 });
      });

      test('an outcome that overrules another moves the count', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await checkpoint.commit(
          [
            { type: 'claim', claim: claimOf(1, owner) },
            { type: 'settle', result: failedOf(1) },
          ],
          null,
        );
        await checkpoint.commit([{ type: 'settle', result: sentOf(1) }], null);
        expect(await store.view(campaign)).toMatchObject({ sent: 1, failed: 0, unstored: { sent: 1, failed: 0 } });
      });

      test('a whole life in one commit counts once when the commit is repeated', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        const life: Change[] = [
          { type: 'claim', claim: claimOf(1, owner) },
          { type: 'settle', result: sentOf(1) },
          { type: 'stored', messages: [1] },
        ];
        for (let i = 0; i < 3; i += 1) {
          await checkpoint.commit(life, PACED);
          await checkpoint.commit([], null);
        }
        expect(await store.view(campaign)).toMatchObject({ sent: 1, claimed: 0, unstored: { sent: 0 } });
      });

      test('commits made without waiting are applied in order', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await Promise.all([
          ...Array.from({ length: 50 }, (_, i) =>
            checkpoint.commit([{ type: 'claim', claim: { ...claimOf(1, owner), attempt: i + 1 } }], null),
          ),
          checkpoint.commit([{ type: 'settle', result: sentOf(1) }], null),
          checkpoint.commit([{ type: 'stored', messages: [1] }], null),
        ]);
        expect(await store.view(campaign)).toMatchObject({ sent: 1, claimed: 0, unstored: { sent: 0 } });
      });

      test('any sequence of changes, any commit repeated as after a lost answer: everyone is where the changes say, counted once', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(arbitraryCommit, { maxLength: 8 }), async (commits) => {
            campaign += 1;
            line = `line-${campaign}`;
            const owner = newOwner();
            const checkpoint = await started(owner);
            const model = newModel();
            for (const { changes, pacing, repeats, heartbeat } of commits) {
              const real = changes.map((make) => make(owner));
              for (const change of real) applyToModel(model, change);
              if (pacing) model.pacing = pacing;
              for (let i = 0; i <= repeats; i += 1) {
                await checkpoint.commit(real, pacing);
                if (heartbeat) await checkpoint.commit([], null);
              }
            }
            expect(await checkpoint.recover()).toEqual(recoveredFrom(model));
            expect(await store.view(campaign)).toEqual(viewOf(model, owner));
            await checkpoint.release(HEADER);
          }),
          { numRuns: 60 },
        );
      }, 60_000);
    });

    describe('a line that is lent', () => {
      const other = type === 'message_1' ? 'message_2' : 'message_1';
      const wanting = async (owner: Owner) => {
        const store = place.store(other);
        await store.wantLine(line, owner);
        return store;
      };

      test('who holds it hears that it is wanted, with its next commit and for 5 s', async () => {
        const checkpoint = await started();
        const store = await wanting(newOwner());
        expect(await checkpoint.commit([{ type: 'forget', message: 1 }], PACED)).toEqual({ pauseRequested: false, lineWanted: true });
        expect(await checkpoint.commit([], null)).toEqual({ pauseRequested: false, lineWanted: true });
        await place.pass(5_001);
        expect(await checkpoint.commit([], null)).toEqual({ pauseRequested: false, lineWanted: false });
        await store.close();
      });

      test('the other type of the same campaign gets it, with its pace, and gives it back with the pace it made', async () => {
        const lender = await started();
        await lender.commit([], PACED);
        const owner = newOwner();
        const store = await wanting(owner);
        expect(await store.acquire(campaign, line, owner, [])).toMatchObject({ what: 'line', campaign, type });
        await lender.lendLine();
        const borrower = await take(owner, { from: store });
        expect((await borrower.recover()).pacing).toEqual(PACED);
        expect(await lender.takeLine([])).toEqual({ heldBy: owner });
        await borrower.begin(HEADER, { sent: 0, failed: 0 });
        await borrower.commit([], { ...PACED, lastStart: (PACED.lastStart ?? 0) + 5_000 });
        await borrower.release(HEADER);
        expect(await lender.takeLine([])).toEqual({ pacing: { ...PACED, lastStart: (PACED.lastStart ?? 0) + 5_000 } });
        expect(await store.acquire(campaign, line, owner, [])).toMatchObject({ what: 'line', campaign, type });
        await store.close();
      });

      test('what is committed meanwhile is kept, but leaves the pace alone', async () => {
        const lender = await started();
        await lender.lendLine();
        await lender.commit([{ type: 'claim', claim: claimOf(1, newOwner()) }], { ...PACED, sentInBatch: 9 });
        expect((await lender.recover()).claims).toHaveLength(1);
        expect(await lender.takeLine([])).toEqual({ pacing: { lastStart: null, sentInBatch: 0, notBefore: 0 } });
      });

      test('the campaign stays held for as long as there is a heartbeat', async () => {
        const lender = await started();
        await lender.lendLine();
        for (let i = 0; i < 4; i += 1) {
          await place.pass(10_000);
          await lender.commit([], null);
        }
        expect(await store.acquire(campaign, 'another line', newOwner(), [])).toMatchObject({ what: 'campaign' });
        expect(await lender.takeLine([])).toHaveProperty('pacing');
      });

      test('it is not taken back while it is wanted, and may be lent and taken twice as after a lost answer', async () => {
        const lender = await started();
        const store = await wanting(newOwner());
        await lender.lendLine();
        await lender.lendLine();
        expect(await lender.takeLine([])).toEqual({ heldBy: null });
        await place.pass(5_001);
        expect(await lender.takeLine([])).toHaveProperty('pacing');
        expect(await lender.takeLine([])).toHaveProperty('pacing');
        await lender.commit([], PACED);
        await store.close();
      });

      test.each([true, false])('a borrower that is over is replaced (known to be dead: %s)', async (known) => {
        const lender = await started();
        const store = place.store(other);
        await lender.lendLine();
        const dead = newOwner();
        await take(dead, { from: store });
        expect(await lender.takeLine([])).toEqual({ heldBy: dead });
        for (let i = 0; !known && i < 2; i += 1) {
          await place.pass(8_000);
          await lender.commit([], null);
        }
        expect(await lender.takeLine(known ? [dead.token] : [])).toHaveProperty('pacing');
        await store.close();
      });

      test('released while it is lent, the line is left to who has it', async () => {
        const lender = await started();
        await lender.lendLine();
        const owner = newOwner();
        const store = place.store(other);
        const borrower = await take(owner, { from: store });
        await lender.release(HEADER);
        await borrower.commit([], PACED);
        await store.close();
      });
    });

    describe('pause', () => {
      test('a pause request reaches the run that holds the campaign with its next commit, and every one after', async () => {
        const checkpoint = await started();
        expect(await checkpoint.commit([], null)).toEqual({ pauseRequested: false, lineWanted: false });
        const other = place.store(type);
        expect(await other.requestPause(campaign)).toBe(true);
        await other.close();
        expect(await checkpoint.commit([{ type: 'forget', message: 1 }], null)).toEqual({ pauseRequested: true, lineWanted: false });
        expect(await checkpoint.commit([], null)).toEqual({ pauseRequested: true, lineWanted: false });
      });

      test('a campaign that nobody runs cannot be asked to pause', async () => {
        expect(await store.requestPause(campaign)).toBe(false);
        await (await started()).release(HEADER);
        expect(await store.requestPause(campaign)).toBe(false);
        expect(await (await take()).commit([], null)).toEqual({ pauseRequested: false, lineWanted: false });
      });

      test('a pause request dies with the run it was meant for', async () => {
        const dead = newOwner();
        await started(dead);
        await store.requestPause(campaign);
        expect(await (await take(newOwner(), { replacing: [dead.token] })).commit([], null)).toEqual({
          pauseRequested: false,
          lineWanted: false,
        });
      });

      test('a pause request outlives the same run asking for its lock again', async () => {
        const owner = newOwner();
        await take(owner);
        await store.requestPause(campaign);
        expect(await (await take(owner)).commit([], null)).toEqual({ pauseRequested: true, lineWanted: false });
      });
    });

    describe('what the listener has learned', () => {
      test('moves the counters, with or without a run, and nothing where there is no checkpoint', async () => {
        await store.moveCounters({ campaign, sent: -1, failed: 1 });
        expect(await store.view(campaign)).toMatchObject({ header: null, sent: 0, failed: 0 });
        const checkpoint = await started();
        await checkpoint.begin(HEADER, { sent: 5, failed: 1 });
        await store.moveCounters({ campaign, sent: -2, failed: 2 });
        await checkpoint.commit([], null);
        expect(await store.view(campaign)).toMatchObject({ sent: 3, failed: 3 });
        await checkpoint.release(HEADER);
        await store.moveCounters({ campaign, sent: 1, failed: -1 });
        expect(await store.view(campaign)).toMatchObject({ header: HEADER, sent: 4, failed: 2 });
      });
    });

    describe('how long', () => {
      const DAY = 24 * 60 * 60 * 1_000;
      const finish = () => store.revise(campaign, (header) => ({ ...header, finished: true }), []);

      test('a checkpoint never expires while its campaign is unfinished', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await checkpoint.commit([{ type: 'claim', claim: claimOf(1, owner) }], null);
        await checkpoint.release(HEADER);
        await place.pass(400 * DAY);
        expect(await store.view(campaign)).toMatchObject({ header: HEADER, claimed: 1 });
        expect((await (await take()).recover()).claims).toHaveLength(1);
      });

      test('a finished one is kept 7 days, then it is gone', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await checkpoint.commit(
          [
            { type: 'claim', claim: claimOf(1, owner) },
            { type: 'settle', result: sentOf(1) },
          ],
          PACED,
        );
        await checkpoint.commit([{ type: 'stored', messages: [1] }], null);
        await checkpoint.release({ ...HEADER, finished: true });
        await place.pass(7 * DAY - 60_000);
        expect(await store.view(campaign)).toMatchObject({ header: { finished: true }, sent: 1, lastMessage: 1 });
        await place.pass(120_000);
        expect(await store.view(campaign)).toMatchObject({ header: null, sent: 0, lastMessage: null });
        expect((await (await take()).recover()).header).toBeNull();
      });

      test('of one that is gone nothing is left, whatever it held', async () => {
        const owner = newOwner();
        const checkpoint = await started(owner);
        await checkpoint.commit(
          [1, 2].map((message): Change => ({ type: 'claim', claim: claimOf(message, owner) })),
          PACED,
        );
        await checkpoint.commit([{ type: 'settle', result: sentOf(1) }], null);
        await checkpoint.release({ ...HEADER, finished: true });
        await place.pass(7 * DAY + 60_000);
        expect(await store.view(campaign)).toEqual(NO_CHECKPOINT);
        expect(await (await take()).recover()).toMatchObject({ header: null, claims: [], outcomes: [] });
      });

      test('one whose campaign is over later, after 24 h without a reply, say, is kept 7 days from then', async () => {
        await (await started()).release(HEADER);
        await place.pass(30 * DAY);
        expect(await finish()).toBe(true);
        expect(await store.view(campaign)).toMatchObject({ header: { ...HEADER, finished: true } });
        await place.pass(7 * DAY - 60_000);
        expect(await store.view(campaign)).toMatchObject({ header: { ...HEADER, finished: true } });
        await place.pass(120_000);
        expect(await store.view(campaign)).toMatchObject({ header: null });
        expect(await finish()).toBe(false);
        expect(await store.view(campaign)).toMatchObject({ header: null });
      });

      test('one whose run is known to be dead may be changed before its lock expires', async () => {
        const owner = newOwner();
        await (await started(owner)).begin(HEADER, { sent: 0, failed: 0 });
        const paused = { reason: 'pause', detail: 'test', at: NOW };
        expect(await store.revise(campaign, (header) => ({ ...header, paused }), ['somebody else'])).toBe(false);
        expect(await store.revise(campaign, (header) => ({ ...header, paused }), [owner.token])).toBe(true);
        expect(await store.view(campaign)).toMatchObject({ header: { ...HEADER, paused }, owner: null });
      });

      test('one that a run holds is not finished by others', async () => {
        const checkpoint = await started();
        expect(await finish()).toBe(false);
        await checkpoint.release(HEADER);
        await place.pass(30 * DAY);
        expect(await store.view(campaign)).toMatchObject({ header: HEADER });
      });

      test('a finished campaign that is taken up again does not expire', async () => {
        await (await started()).release({ ...HEADER, finished: true });
        const checkpoint = await started();
        await place.pass(10_000);
        await checkpoint.commit([], null);
        await checkpoint.release(HEADER);
        await place.pass(30 * DAY);
        expect(await store.view(campaign)).toMatchObject({ header: HEADER });
      });
    });

    test('doctor is told where the checkpoints are', async () => {
      const { detail, warnings } = await store.check();
      expect(detail).toMatch(/Redis|SQLite|memory/);
      expect(Array.isArray(warnings)).toBe(true);
    });
  });
}

const NOW = 1_790_000_000_000;
const REASON = `${'número inválido: não existe 😀 "\\\n\u0000 '.repeat(60)}\ud800`;

const HEADER: CheckpointHeader = { identity: 'a', sandbox: false, settings: {}, paused: null, finished: false };
const PACED: PacingState = { lastStart: NOW, sentInBatch: 74, notBefore: NOW + 60_000 };

let made = 0;
function newOwner(about: Partial<Owner> = {}): Owner {
  made += 1;
  return {
    token: `t${process.pid}-${made}`,
    host: 'h',
    machine: 'm',
    boot: 'b',
    namespace: 'pid:[1]',
    pid: 1,
    startedAt: NOW,
    birth: '1',
    ...about,
  };
}

function claimOf(message: number, owner: Owner): Claim {
  return { message, reference: `wsend-1-${message}-abcdefgh`, phone: '+22997000001', line: 'l', attempt: 1, at: NOW, owner };
}

function sentOf(message: number) {
  return { kind: 'sent', message, providerId: `id-${message}`, at: NOW, attempts: 1 } as const;
}

function failedOf(message: number) {
  return { kind: 'failed', message, code: 'phone:invalid', reason: 'no such number', at: NOW, attempts: 1, providerId: 'x' } as const;
}

// ── a simple model: one drawer for each recipient ──────────────────────────────────────────────────────────────────────────────────────

type Drawer = Exclude<Change, { type: 'forget' | 'stored' }>;

function newModel() {
  const pacing: PacingState = { lastStart: null, sentInBatch: 0, notBefore: 0 };
  return { drawers: new Map<number, Drawer>(), sent: 0, failed: 0, lastMessage: null as number | null, pacing };
}
type Model = ReturnType<typeof newModel>;

function applyToModel(model: Model, change: Change): void {
  switch (change.type) {
    case 'claim':
      model.drawers.set(change.claim.message, change);
      break;
    case 'doubt':
      model.drawers.set(change.doubt.message, change);
      break;
    case 'retry':
      model.drawers.set(change.retry.message, change);
      break;
    case 'forget':
      model.drawers.delete(change.message);
      break;
    case 'stored':
      for (const message of change.messages) if (model.drawers.get(message)?.type === 'settle') model.drawers.delete(message);
      break;
    case 'settle': {
      const { message, kind } = change.result;
      const before = model.drawers.get(message);
      if (before) model[kind] += 1;
      if (before?.type === 'settle') model[before.result.kind] -= 1;
      else if (before) model.lastMessage = message;
      model.drawers.set(message, change);
    }
  }
}

function recoveredFrom(model: Model): Recovered {
  const drawers = [...model.drawers].sort(([a], [b]) => a - b).map(([, drawer]) => drawer);
  return {
    header: HEADER,
    claims: drawers.flatMap((one): Claim[] => (one.type === 'claim' ? [one.claim] : [])),
    outcomes: drawers.flatMap((one): Settled[] => (one.type === 'settle' ? [one.result] : [])),
    doubts: drawers.flatMap((one): Doubt[] => (one.type === 'doubt' ? [one.doubt] : [])),
    retries: drawers.flatMap((one): Retry[] => (one.type === 'retry' ? [one.retry] : [])),
    counted: { sent: model.sent, failed: model.failed },
    pacing: model.pacing,
  };
}

function viewOf(model: Model, owner: Owner) {
  const { claims, outcomes, doubts, retries } = recoveredFrom(model);
  const sent = outcomes.filter(({ kind }) => kind === 'sent').length;
  return {
    header: HEADER,
    owner,
    sent: model.sent,
    failed: model.failed,
    lastMessage: model.lastMessage,
    inDoubt: doubts.length,
    claimed: claims.length,
    retrying: retries.length,
    unstored: { sent, failed: outcomes.length - sent },
  };
}

const arbitraryMessage = fc.constantFrom(1, 2, 3, 4, 10, 2 ** 40, 2 ** 40 + 1);
const arbitraryChange: fc.Arbitrary<(owner: Owner) => Change> = fc
  .tuple(
    fc.constantFrom('claim', 'sent', 'failed', 'doubt', 'retry', 'forget', 'stored'),
    arbitraryMessage,
    fc.string({ unit: 'binary' }),
    fc.nat(),
  )
  .map(([type, message, text, number]) => (owner) => {
    if (type === 'claim') return { type, claim: { ...claimOf(message, owner), attempt: number } };
    if (type === 'doubt') return { type, doubt: { ...claimOf(message, owner), reason: text } };
    if (type === 'retry') return { type, retry: { message, attempts: number, dueAt: NOW + number } };
    if (type === 'forget') return { type, message };
    if (type === 'stored') return { type, messages: [message, (number % 4) + 1] };
    return { type: 'settle', result: type === 'sent' ? { ...sentOf(message), providerId: text } : { ...failedOf(message), reason: text } };
  });
const arbitraryCommit = fc.record({
  changes: fc.array(arbitraryChange, { maxLength: 14 }),
  pacing: fc.option(fc.record({ lastStart: fc.option(fc.nat()), sentInBatch: fc.nat(), notBefore: fc.nat() })),
  repeats: fc.nat({ max: 2 }),
  heartbeat: fc.boolean(),
});
