/**
 * Errors that a worker does not catch. Deno prints each of them in red, whether the test handles it
 * or not, so these tests run in `deno task check` alone, which reads their output.
 *
 * @module
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { mayRun } from "../check/permissions.ts";
import { withWorkers, WorkerError, WorkersFailedError } from "./workers.ts";
import type { Setup } from "./workers_test_worker.ts";

const URL = import.meta.resolve("./workers_test_worker.ts");
const ignore = !await mayRun();

Deno.test({
  name: "an uncaught error in a worker fails the test",
  ignore,
  async fn() {
    const error = await assertRejects(
      () =>
        withWorkers(async (workers) => {
          const worker = workers.spawn<Setup>(URL, { base: 0 });
          await worker.call("dieLater").catch(() => {}); // it may be answered before the death
          await worker.ended;
        }),
      WorkersFailedError,
    );
    assertEquals(error.failures.length, 1, error.message);
    assertStringIncludes(
      error.message,
      "died of an uncaught error: Uncaught Error: planted late death",
    );
  },
});

Deno.test({
  name: "a worker file that cannot be loaded fails the test",
  ignore,
  async fn() {
    const error = await assertRejects(
      () =>
        withWorkers(async (workers) => {
          await workers.spawn(import.meta.resolve("./no_such_test_worker.ts")).ended;
        }),
      WorkersFailedError,
    );
    assertStringIncludes(error.message, "died of an uncaught error");
  },
});

Deno.test({
  name: "an expected death by an uncaught error is no failure",
  ignore,
  fn: () =>
    withWorkers(async (workers) => {
      const worker = workers.spawn<Setup>(URL, { base: 0 });
      worker.expectDeath();
      worker.call("dieLater");
      await worker.ended;
      await assertRejects(() => worker.call("add", 1, 1), WorkerError, "the worker has ended");
    }),
});
