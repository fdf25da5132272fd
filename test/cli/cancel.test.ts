import { afterEach, describe, expect, it } from 'vitest';
import { events, Place, phones, QUICK, type Sandbox } from './program.ts';

const COUNT = 8;

let place: Place;
afterEach(() => place.leave());

const file = () => ['run', '--csv', place.people(COUNT), '--message', 'Hello {{name}}'];
const run = (...flags: string[]) => [...file(), '--json', ...flags];
const status = async () => events(await place.run(['status', '1', '--json']))[0] as Record<string, number | string>;
const sum = ({ sent, failed, pending, in_doubt, skipped }: Record<string, number | string>) =>
  [sent, failed, pending, in_doubt, skipped].reduce((all: number, n) => all + Number(n), 0);

async function begin(...faults: string[]): Promise<Sandbox> {
  place = new Place(QUICK);
  return place.sandbox(...faults);
}

/** As if another program, or a restored backup, had taken what a run needs to be resumed. */
async function loseCheckpoint(): Promise<void> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const file = new DatabaseSync(place.path('wsend.db'), { timeout: 5_000 });
  file.exec('delete from wsend_entries; delete from wsend_checkpoints; delete from wsend_leases');
  file.close();
}

/** Whatever could send for campaign 1. */
async function everything() {
  return {
    resume: await place.run(['resume', '1', '--json']),
    run: await place.run(['run', '--campaign', '1', '--json']),
    retry: await place.run(['retry', '1', '--json']),
    rehearsal: await place.run(['run', '--campaign', '1', '--sandbox', '--json']),
    dryRun: await place.run(['resume', '1', '--dry-run', '--json']),
    all: await place.run(['resume', '--all', '--json']),
  };
}

describe('wsend cancel', { timeout: 120_000 }, () => {
  it('a paused campaign is over for good: nothing sends for it any more, and who was not sent to stays so, the checkpoint lost or not', async () => {
    const sandbox = await begin(`reject=${phones(COUNT)[0]}`);
    expect((await place.run(run('--limit', '3'))).code).toBe(6);
    const cancelled = await place.run(['cancel', '1', '--json']);
    expect(cancelled.code, cancelled.stderr).toBe(0);
    expect(events(cancelled)).toMatchObject([{ type: 'cancel', campaign: 1, sent: 2, pending: COUNT - 3, in_doubt: 0 }]);
    for (const lost of [false, true]) {
      if (lost) await loseCheckpoint();
      const { all, ...others } = await everything();
      for (const outcome of Object.values(others)) {
        expect(outcome.code, outcome.stdout).toBe(2);
        expect(outcome.stderr).toContain('campaign 1 was cancelled');
      }
      expect(all).toMatchObject({ code: 0, stdout: '' });
      const said = await status();
      expect(said).toMatchObject({ state: 'cancelled', status: 'completed', sent: 2, failed: 1, pending: COUNT - 3, next: null });
      expect(said.cancelled_at).toMatch(/^20.*Z$/);
      expect(sum(said)).toBe(COUNT);
    }
    expect(await sandbox.accepted()).toHaveLength(2);
  });

  it('a draft, too; and it may be said again', async () => {
    const sandbox = await begin();
    const declined = place.startInTerminal(file(), 80);
    await declined.says('[y/N]');
    declined.process.stdin?.write('n\n');
    await declined.ended;
    for (const _ of [1, 2]) {
      const cancelled = await place.run(['cancel', '1']);
      expect(cancelled.code).toBe(0);
      expect(cancelled.stdout).toBe('Campaign 1 is cancelled: 0 sent, 8 recipients not sent to, and nothing more is sent for it.\n');
    }
    expect((await everything()).resume.code).toBe(2);
    expect(await status()).toMatchObject({ state: 'cancelled', status: 'failed', pending: COUNT });
    expect(await sandbox.accepted()).toEqual([]);
  });

  it('one that runs is refused, with how to stop it; one that is finished has nothing to cancel', async () => {
    await begin();
    const running = place.start(run('--delay', '2'));
    await running.tells('sent');
    const refused = await place.run(['cancel', '1']);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain('wsend pause 1');
    expect((await running.ended).code).toBe(0);
    const late = await place.run(['cancel', '1']);
    expect(late.code).toBe(2);
    expect(late.stderr).toContain('campaign 1 is completed: there is nothing left to cancel');
  });

  it('what may have been sent when it was killed is still settled by reconcile, which sends nothing', async () => {
    const sandbox = await begin('slow=1', 'slow-by=60000');
    const killed = place.start(run());
    await expect.poll(async () => (await sandbox.accepted()).length, { timeout: 10_000 }).toBeGreaterThan(0);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const cancelled = await place.run(['cancel', '1']);
    expect(cancelled.stdout).toContain('may have got it. Next: wsend reconcile 1');
    const accepted = (await sandbox.accepted()).length;
    const settled = await place.run(['reconcile', '1', '--json']);
    expect(settled.code, settled.stderr).toBe(0);
    expect(events(settled).at(-1)).toMatchObject({ type: 'summary', sent: accepted, in_doubt: 0, pending: COUNT - accepted, next: null });
    expect(await status()).toMatchObject({ state: 'cancelled', status: 'completed' });
    expect(await sandbox.accepted()).toHaveLength(accepted);
  });
});
