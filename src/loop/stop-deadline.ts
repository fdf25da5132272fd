import { type Milliseconds, SECOND } from '../core/units.ts';
import { CheckpointUnreachable, DatabaseUnreachable } from '../errors.ts';
import type { Run } from './parts.ts';

/** How long a person who has pressed Ctrl-C waits for a database or a checkpoint that does not answer: the next run settles the rest. */
const HURRIED_PATIENCE: Milliseconds = 3 * SECOND;

/** What a store answers; DatabaseUnreachable when a signal has stopped the run and there is no answer for 3 s from then, or from now. */
export function unlessStopping<T>(run: Run, answer: Promise<T>): Promise<T> {
  const answered = new AbortController();
  return new Promise((resolve, reject) => {
    const giveUp = async () => {
      await run.clock.sleep(run.clock.now() + HURRIED_PATIENCE, answered.signal);
      if (run.course.stop?.reason === 'signal') reject(new DatabaseUnreachable('it did not answer in time'));
    };
    if (run.course.stopping.signal.aborted) void giveUp();
    else run.course.stopping.signal.addEventListener('abort', () => void giveUp(), { once: true, signal: answered.signal });
    answer.then(resolve, reject).finally(() => answered.abort());
  });
}

/** From the signal that stops the run on, gives up a step of the checkpoint that is in flight for 3 s. */
export function giveUpWhenStopping({ course, clock, journal }: Run): void {
  const watch = async () => {
    while (course.stop?.reason === 'signal' && !course.ended.signal.aborted) {
      const step = journal.inFlight;
      await clock.sleep(clock.now() + HURRIED_PATIENCE, course.ended.signal);
      if (step !== null && step === journal.inFlight) journal.giveUp(new CheckpointUnreachable('it did not answer in time'));
    }
  };
  course.stopping.signal.addEventListener('abort', () => void watch(), { once: true, signal: course.ended.signal });
}
