import { describe, expect, it } from 'vitest';
import type { LedgerRow } from '../../src/ports/database.ts';
import type { List, Listing } from '../../src/ports/provider.ts';
import type { Discrepancy } from '../../src/verify/compare-row.ts';
import { type VerifyParts, verifyCampaign } from '../../src/verify/verify-campaign.ts';
import { SimClock } from '../support/sim-clock.ts';

const CAMPAIGN = {
  id: 42,
  name: 'x',
  message1: 'Hi',
  message2: null,
  status: 'completed',
  createdAt: Date.UTC(2026, 0, 1),
  updatedAt: null,
  cancelledAt: null,
};
const NOTHING: Listing = { kind: 'listed', messages: [] };
const ONE: Listing = { kind: 'listed', messages: [{ id: 'p', whatsappId: null, failed: false }] };
const LATER: Listing = { kind: 'later', reason: 'no answer: x', waitMs: null };

const row = (message: number, changed: Partial<LedgerRow> = {}): LedgerRow => ({
  ...{ message, phone: `+229019${1_000_000 + message}`, content: 'Hi', status: 'sent', providerId: 'p', assumed: false },
  ...changed,
});

class Scene {
  readonly clock = new SimClock();
  readonly asked: { at: number; reference: string }[] = [];
  readonly found: Discrepancy[] = [];
  readonly pages: number[] = [];
  inFlight = 0;
  mostInFlight = 0;
  latencyMs = 200;
  answer: (reference: string, nth: number) => Listing = () => ONE;
  perSecond = 5;

  readonly count: number;
  readonly rowOf: (message: number) => LedgerRow;

  constructor(count: number, rowOf: (message: number) => LedgerRow = row) {
    this.count = count;
    this.rowOf = rowOf;
  }

  verify(beyond: Partial<VerifyParts['beyond']> = {}) {
    const list: List = async ({ reference }) => {
      this.asked.push({ at: this.clock.now(), reference });
      this.inFlight += 1;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
      const nth = this.asked.filter((other) => other.reference === reference).length;
      await this.clock.sleep(this.clock.now() + this.latencyMs);
      this.inFlight -= 1;
      return this.answer(reference, nth);
    };
    const page = async (_: number, after: number, limit: number) => {
      const rows = Array.from({ length: Math.max(0, Math.min(limit, this.count - after)) }, (__, i) => this.rowOf(after + i + 1));
      this.pages.push(rows.length);
      return rows;
    };
    const work = verifyCampaign({
      ...{ campaign: CAMPAIGN, ledger: { page }, list, clock: this.clock, perSecond: this.perSecond, lookupMs: 10_000 },
      beyond: { claims: [], doubts: [], outcomes: [], ...beyond },
      onDiscrepancy: (one) => void this.found.push(one),
      onProgress: () => undefined,
    });
    return this.clock.run(work);
  }
}

describe('a campaign is verified', () => {
  it('gently: no faster than it is told and with few questions in flight, however slow the answers', async () => {
    const scene = new Scene(60);
    scene.latencyMs = 3_000;
    expect(await scene.verify()).toEqual({ total: 60, matching: 60, missing: 0, extra: 0, unchecked: 0 });
    const gaps = scene.asked.slice(1).map(({ at }, i) => at - (scene.asked[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
    expect(scene.mostInFlight).toBe(4);
  });

  it('page by page, each row once', async () => {
    const scene = new Scene(1_201);
    scene.perSecond = 1_000;
    expect((await scene.verify()).total).toBe(1_201);
    expect(scene.pages).toEqual([500, 500, 201]);
    expect(new Set(scene.asked.map(({ reference }) => reference)).size).toBe(1_201);
    expect(scene.asked).toHaveLength(1_201);
  });

  it('a difference is looked at again over the look-up time, and counts when it is still there', async () => {
    const late = new Scene(1);
    late.answer = (_, nth) => (nth < 3 ? NOTHING : ONE);
    expect(await late.verify()).toMatchObject({ matching: 1, missing: 0 });
    const gone = new Scene(1);
    gone.answer = () => NOTHING;
    expect(await gone.verify()).toMatchObject({ matching: 0, missing: 1 });
    expect(gone.asked.at(-1)?.at).toBe((gone.asked[0]?.at ?? 0) + 10_000);
    expect(gone.found).toMatchObject([{ kind: 'missing', message: 1, held: 0, standing: 'sent' }]);
  });

  it('those who count as sent by the operator’s word are said to', async () => {
    const scene = new Scene(1, (message) => row(message, { assumed: true, providerId: null }));
    scene.answer = () => NOTHING;
    await scene.verify();
    expect(scene.found[0]?.reason).toContain("by the operator's word");
  });

  it('a 429 rests everybody for as long as it says', async () => {
    const scene = new Scene(40);
    let throttledAt = 0;
    scene.answer = (_, nth) => {
      if (throttledAt !== 0 || nth > 1) return ONE;
      throttledAt = scene.clock.now();
      return { kind: 'later', reason: 'slow down', waitMs: 30_000 };
    };
    expect(await scene.verify()).toMatchObject({ matching: 40 });
    const during = scene.asked.filter(({ at }) => at > throttledAt && at < throttledAt + 30_000);
    expect(during).toEqual([]);
  });

  it('an answer that does not come is asked for again; when none comes for many, it is given up', async () => {
    const slow = new Scene(30);
    slow.answer = (_, nth) => (nth < 4 ? LATER : ONE);
    expect(await slow.verify()).toMatchObject({ matching: 30, unchecked: 0 });
    const silent = new Scene(100);
    silent.answer = () => LATER;
    await expect(silent.verify()).rejects.toMatchObject({
      name: 'InfrastructureError',
      exitCode: 1,
      message: expect.stringContaining('no answer: x, for 20'),
    });
  });

  it('when it is given up, nothing more is asked or told, and nobody waits', async () => {
    const silent = new Scene(100);
    silent.answer = () => LATER;
    await expect(silent.verify()).rejects.toMatchObject({ next: expect.stringContaining('Try again later') });
    const [asked, found] = [silent.asked.length, silent.found.length];
    expect(found).toBe(20);
    await silent.clock.run(silent.clock.sleep(silent.clock.now() + 60_000));
    expect([silent.asked.length, silent.found.length]).toEqual([asked, found]);
  });

  it('a refusal ends it at once', async () => {
    const scene = new Scene(10_000);
    scene.answer = () => ({ kind: 'unclear', reason: 'no right to read (403)', refused: true });
    await expect(scene.verify()).rejects.toMatchObject({
      exitCode: 1,
      message: 'the campaign cannot be verified: no right to read (403)',
      next: expect.stringContaining('The provider answers'),
    });
    scene.answer = () => ({ kind: 'barred', reason: 'the API key is refused (401)' });
    await expect(scene.verify()).rejects.toMatchObject({
      exitCode: 4,
      message: 'the campaign cannot be verified: the API key is refused (401)',
    });
    expect(scene.asked.length).toBeLessThan(80);
  });

  it('an outcome that only the checkpoint has counts; an open claim counts as in doubt, under its own reference', async () => {
    const pending = new Scene(3, (message) => row(message, { status: 'pending', providerId: null }));
    const owner = { token: 't', host: 'h', machine: 'm', boot: 'b', namespace: 'n', pid: 1, startedAt: 0, birth: '' };
    pending.answer = (reference) => (reference === 'claimed' || reference.startsWith('wsend-42-1-') ? ONE : NOTHING);
    const counts = await pending.verify({
      outcomes: [{ kind: 'sent', message: 1, providerId: 'p', at: 0, attempts: 1 }],
      claims: [{ message: 2, reference: 'claimed', phone: '+2290190000000', line: 'l', attempt: 1, at: 0, owner }],
    });
    expect(counts).toMatchObject({ matching: 2, extra: 1 });
    expect(pending.found).toMatchObject([{ kind: 'extra', message: 2, reference: 'claimed', standing: 'in_doubt' }]);
  });

  it('a recipient of whom an attempt failed at the provider is looked for under the reference of the next one too', async () => {
    const scene = new Scene(1);
    let first = '';
    scene.answer = (reference) => {
      first ||= reference;
      return reference === first ? { kind: 'listed', messages: [{ id: 'p0', whatsappId: null, failed: true }] } : ONE;
    };
    expect(await scene.verify()).toMatchObject({ matching: 1 });
    expect(new Set(scene.asked.map(({ reference }) => reference)).size).toBe(2);
  });
});
