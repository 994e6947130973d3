import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  TestWorkers,
  withWorkers,
  WorkerError,
  WorkerHandle,
  type WorkerLike,
  WorkersFailedError,
} from "./workers.ts";
import type { Setup } from "./workers_test_worker.ts";

const URL = import.meta.resolve("./workers_test_worker.ts");

/** A worker that takes every message and sends none. */
class SilentWorker extends EventTarget implements WorkerLike {
  postMessage(): void {}
}

/** Runs a body whose workers must fail at the close, and returns the one failure they report. */
async function failureOf(
  body: (worker: WorkerHandle<Setup>) => unknown,
  limitMs?: number,
): Promise<string> {
  const error = await assertRejects(
    () =>
      withWorkers(async (workers) => {
        await body(workers.spawn<Setup>(URL, { base: 0 }));
      }, limitMs === undefined ? {} : { limitMs }),
    WorkersFailedError,
  );
  assertEquals(error.failures.length, 1, error.message);
  return error.failures[0]!;
}

Deno.test("a worker answers calls, in order and at once, with the data it was spawned with", () =>
  withWorkers(async (workers) => {
    const worker = workers.spawn<Setup>(URL, { base: 100 });
    const other = workers.spawn<Setup>(URL, { base: 200 });
    assertEquals(
      await Promise.all([
        worker.call("add", 1, 2),
        worker.call("later", "x"),
        other.call("add", 1, 2),
      ]),
      [103, "x", 203],
    );
  }));

Deno.test("an error inside a function reaches the caller with its name and message", () =>
  withWorkers(async (workers) => {
    const worker = workers.spawn<Setup>(URL, { base: 0 });
    const error = await assertRejects(
      () => worker.call("fail"),
      WorkerError,
      'RangeError: planted (in "fail" of worker 0 (workers_test_worker.ts))',
    );
    assertEquals(error.remoteName, "RangeError");
    await assertRejects(() => worker.call("uncloneable"), WorkerError, "DataCloneError");
    assertEquals(await worker.call("add", 1, 1), 2); // and lives on
  }));

Deno.test("a rejected call that nobody awaits fails the test", async () => {
  const failure = await failureOf(async (worker) => {
    worker.call("fail");
    await worker.call("add", 1, 1); // answered after the first one
  });
  assertStringIncludes(failure, "nobody awaited: RangeError: planted");
});

Deno.test("an unknown function is an error", () =>
  withWorkers(async (workers) => {
    await assertRejects(
      () => workers.spawn(URL, { base: 0 }).call("nothing"),
      WorkerError,
      'serves no function "nothing"',
    );
  }));

Deno.test("a worker that closes itself unexpectedly fails the test", async () => {
  const failure = await failureOf(async (worker) => {
    await assertRejects(() => worker.call("close"), WorkerError, "the worker closed itself");
  });
  assertStringIncludes(failure, "worker 0 (workers_test_worker.ts) closed itself");
});

Deno.test("a call that is still unanswered at the end fails the test", async () => {
  const failure = await failureOf((worker) => {
    worker.call("never");
  });
  assertStringIncludes(failure, 'is still busy with "never"');
});

Deno.test("a call that is awaited and never answered is an error when the limit is over", async () => {
  const handle = new WorkerHandle<Setup>(new SilentWorker(), "worker 0", 20, { base: 0 });
  await assertRejects(() => handle.call("never"), WorkerError, "did not answer within 20 ms");
});

Deno.test("a worker that does not stop fails the test", async () => {
  const gate = new SharedArrayBuffer(4);
  let blocked!: WorkerHandle<Setup>;
  const error = await assertRejects(
    () =>
      withWorkers((workers) => {
        blocked = workers.spawn<Setup>(URL, { base: 0 });
        blocked.call("blockOn", gate);
      }, { limitMs: 50 }),
    WorkersFailedError,
  );
  assertStringIncludes(error.message, "did not stop within 50 ms");
  Atomics.store(new Int32Array(gate), 0, 1);
  Atomics.notify(new Int32Array(gate), 0);
  await blocked.ended; // it stops as soon as it can
});

Deno.test("a message that cannot be deserialised fails the test", async () => {
  const fake = new SilentWorker();
  const handle = new WorkerHandle(fake, "worker 0", 20, undefined);
  fake.dispatchEvent(new MessageEvent("messageerror"));
  fake.dispatchEvent(new MessageEvent("message", { data: { kind: "messageerror" } }));
  const [first, second, third] = await handle.finish();
  assertEquals(first, "worker 0 sent a message that cannot be deserialised");
  assertEquals(second, "worker 0 received a message that cannot be deserialised");
  assertEquals(third, "worker 0 did not stop within 20 ms");
});

Deno.test("an uncaught error fails the test, as the platform reports it", async () => {
  const fake = new SilentWorker();
  const handle = new WorkerHandle<Setup>(fake, "worker 0", 20, { base: 0 });
  const call = handle.call("never");
  const report = { message: "Uncaught Error: planted", filename: "x.ts", lineno: 7 };
  const event = new ErrorEvent("error", { ...report, cancelable: true });
  fake.dispatchEvent(event);
  assert(event.defaultPrevented, "or the runtime would fail the whole test file");
  const died = "died of an uncaught error: Uncaught Error: planted (x.ts:7)";
  await assertRejects(() => call, WorkerError, died);
  assertEquals(await handle.finish(), [`worker 0 ${died}`]);
});

Deno.test("an expected death is no failure", () =>
  withWorkers(async (workers) => {
    for (const how of ["close", "die"] as const) {
      const worker = workers.spawn<Setup>(URL, { base: 0 });
      worker.expectDeath();
      worker.call(how);
      await worker.ended;
      await assertRejects(() => worker.call("add", 1, 1), WorkerError, "the worker has ended");
    }
  }));

Deno.test("an expected death that does not come fails the test", async () => {
  const failure = await failureOf((worker) => worker.expectDeath());
  assertStringIncludes(failure, "was expected to die and did not");
});

Deno.test("a worker can be stopped before the end", () =>
  withWorkers(async (workers) => {
    const worker = workers.spawn<Setup>(URL, { base: 0 });
    await worker.stop();
    await assertRejects(() => worker.call("add", 1, 1), WorkerError, "the worker has ended");
  }));

Deno.test("an error of the body is thrown on, with the workers' failures beside it", async () => {
  const own = new Error("the body's own");
  assertEquals(await withWorkers(() => Promise.reject(own)).catch((error) => error), own);
  const both = await withWorkers((workers) => {
    workers.spawn<Setup>(URL, { base: 0 }).call("never");
    throw own;
  }).catch((error) => error);
  assert(both instanceof AggregateError);
  assertEquals(both.errors[0], own);
  assertStringIncludes(both.message, 'is still busy with "never"');
});

Deno.test("await using closes the workers", async () => {
  let worker: WorkerHandle<Setup>;
  {
    await using workers = new TestWorkers();
    worker = workers.spawn<Setup>(URL, { base: 0 });
  }
  await worker.ended;
});
