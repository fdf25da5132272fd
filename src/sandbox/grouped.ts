/** The most in one group: it bounds what one failure can hit, not the speed. */
const GROUP_LIMIT = 500;

/** Turns a writer of many into an adder of one: what arrives within one turn of the event loop, or during a write, is written together. */
export function grouped<T>(write: (values: T[]) => Promise<void>): (value: T) => Promise<void> {
  let waiting: { value: T; done: () => void; failed: (error: unknown) => void }[] = [];
  let writing = false;
  const writeAll = async () => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, GROUP_LIMIT);
      waiting = waiting.slice(GROUP_LIMIT);
      await write(group.map(({ value }) => value)).then(
        () => {
          for (const { done } of group) done();
        },
        (error) => {
          for (const { failed } of group) failed(error);
        },
      );
    }
    writing = false;
  };
  return (value) =>
    new Promise((done, failed) => {
      waiting.push({ value, done, failed });
      if (writing) return;
      writing = true;
      setImmediate(writeAll);
    });
}
