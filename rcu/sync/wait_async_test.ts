import { assert, assertEquals } from "@std/assert";
import { waitAsync } from "./wait_async.ts";

const words = () => new Int32Array(new SharedArrayBuffer(8));
const FOREVER = 600_000;

/** Runs with a host that has no `Atomics.waitAsync`. */
async function withoutWaitAsync(run: () => Promise<void>): Promise<void> {
  const host = Atomics as { waitAsync?: unknown };
  const original = host.waitAsync;
  host.waitAsync = undefined;
  try {
    await run();
  } finally {
    host.waitAsync = original;
  }
}

Deno.test("a word that holds another value is not waited for", async () => {
  await waitAsync(words(), 0, 1, FOREVER);
  await withoutWaitAsync(() => waitAsync(words(), 0, 1, FOREVER));
});

Deno.test("a notification ends the wait of every waiter", async () => {
  const view = words();
  const waits = [0, 1, 2].map(() => waitAsync(view, 1, 0, FOREVER));
  Atomics.store(view, 1, 1);
  assertEquals(Atomics.notify(view, 1), 3);
  await Promise.all(waits);
});

Deno.test("a wait ends when its time is over, and keeps the process alive until then", async () => {
  // Nothing else does: the runner reports a promise that stays pending when the event loop is empty.
  for (let round = 0; round < 20; round++) await waitAsync(words(), 0, 0, 1);
});

Deno.test("an abort ends the wait, and a later notification reaches the others", async () => {
  const view = words();
  const controller = new AbortController();
  const aborted = waitAsync(view, 0, 0, FOREVER, controller.signal);
  controller.abort();
  await aborted;
  const other = waitAsync(view, 0, 0, FOREVER);
  assertEquals(Atomics.notify(view, 0, 1), 1); // none is swallowed by the aborted one
  await other;
});

Deno.test("a signal that is aborted already ends the wait at once", async () => {
  await waitAsync(words(), 0, 0, FOREVER, AbortSignal.abort());
  await withoutWaitAsync(() => waitAsync(words(), 0, 0, FOREVER, AbortSignal.abort()));
});

Deno.test("a long wait sets no timer that a host would cut to a millisecond", async () => {
  const delays: (number | undefined)[] = [];
  const { setInterval } = globalThis;
  globalThis.setInterval = ((run: () => void, delay?: number) => {
    delays.push(delay);
    return setInterval(run, delay);
  }) as typeof setInterval;
  const view = words();
  try {
    const wait = waitAsync(view, 0, 0, 2 ** 32 - 1);
    Atomics.notify(view, 0);
    await wait;
  } finally {
    globalThis.setInterval = setInterval;
  }
  assertEquals(delays, [2 ** 31 - 1]);
});

Deno.test("a wait that is over has left no listener and no timer behind", async () => {
  const view = words();
  const controller = new AbortController();
  let listeners = 0;
  const signal = controller.signal;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (
    ...args: Parameters<typeof remove>
  ) => (listeners--, remove(...args));
  await waitAsync(view, 0, 1, FOREVER, signal);
  const wait = waitAsync(view, 0, 0, FOREVER, signal);
  assertEquals(listeners, 1);
  Atomics.notify(view, 0);
  await wait;
  assertEquals(listeners, 0);
});

Deno.test({
  name: "without Atomics.waitAsync the word is polled",
  sanitizeResources: true,
  sanitizeOps: true,
  fn: () =>
    withoutWaitAsync(async () => {
      const view = words();
      let seen = 0;
      const waiter = (async () => {
        while (Atomics.load(view, 0) === 0) {
          await waitAsync(view, 0, 0, FOREVER);
          seen++;
        }
      })();
      setTimeout(() => Atomics.store(view, 0, 1), 0);
      await waiter;
      assert(seen > 0);
    }),
});
