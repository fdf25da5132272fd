import { afterOthers } from '../core/pacing.ts';
import { breakRun, type Run, stopRun } from '../engine/run.ts';
import type { Clock, DatabaseLock, Provider, Report } from '../ports.ts';

/** What becomes of a call while the database's lock is not surely held: it is not made, and the recipient stays pending. */
const NOT_NOW = { kind: 'unavailable', code: 'late', reason: 'the lock in the database was not surely held' } as const;

/**
 * The provider as long as the database's lock is good. While it is being taken again nothing is sent: a call waits until it is good, or too
 * late for its claim, and is put back then rather than made, so that those that waited do not all go out at once.
 */
export function whileLocked(provider: Provider, lock: DatabaseLock, clock: Clock, report: Report): Provider {
  let told = false;
  const isGood = () => lock.goodUntil() > clock.now();
  return {
    line: provider.line,
    lookUp: (message) => provider.lookUp(message),
    askLine: () => provider.askLine(),
    close: () => provider.close(),
    async send(message, slot) {
      if (isGood()) {
        if (told) report.tell({ type: 'notice', level: 'info', text: 'the lock in the database is held again' });
        told = false;
        return provider.send(message, { ...slot, notAfter: Math.min(slot.notAfter, lock.goodUntil()) });
      }
      if (!told) {
        report.tell({ type: 'notice', level: 'warning', text: 'the lock in the database is not surely held: nothing is sent until it is' });
      }
      told = true;
      while (!isGood() && !lock.lost.aborted && clock.now() < slot.notAfter) await clock.sleep(clock.now() + LOOK_AGAIN, lock.lost);
      return NOT_NOW;
    },
  };
}

/** Between two looks at a lock that is being taken again, in milliseconds. */
const LOOK_AGAIN = 100;

/**
 * Ends the run once the lock is lost for good, and stops it where it is asked to pause; where others had the line before, it waits one whole
 * delay.
 */
export function followLock(run: Run, { lost, onTakeOver, onPauseRequest }: DatabaseLock): void {
  onPauseRequest(() => stopRun(run, 'pause', 'asked for by wsend pause'));
  onTakeOver((at) => {
    run.pacing = afterOthers(run.pacing, at);
    run.bell.ring();
  });
  const breakIt = () => breakRun(run, lost.reason);
  if (lost.aborted) breakIt();
  else lost.addEventListener('abort', breakIt, { once: true });
}
