import { assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "./bdd.ts";

/** The tests that `body` registers, which are kept from Deno's runner. */
function registered(body: () => void): Deno.TestDefinition[] {
  const definitions: Deno.TestDefinition[] = [];
  const runner = Deno as { test: unknown };
  const real = runner.test;
  runner.test = (definition: Deno.TestDefinition) => void definitions.push(definition);
  try {
    body();
  } finally {
    runner.test = real;
  }
  return definitions;
}

/** Runs what is registered; each step's name goes to `log`, and a failing step throws. */
async function run(definition: Deno.TestDefinition, log: string[] = []): Promise<string[]> {
  const context = {
    step: async (step: Deno.TestStepDefinition) => {
      log.push(step.ignore ? `(${step.name})` : step.name);
      if (!step.ignore) await step.fn(context);
      return true;
    },
  } as unknown as Deno.TestContext;
  await definition.fn(context);
  return log;
}

Deno.test("a describe is one test, what is in it are steps, in order", async () => {
  const [outer, single] = registered(() => {
    describe("outer", () => {
      it("a", () => {});
      describe("inner", () => it("b", () => {}));
      it("c", () => {});
    });
    it("single", () => {});
  });
  assertEquals([outer!.name, single!.name], ["outer", "single"]);
  assertEquals(await run(outer!), ["a", "inner", "b", "c"]);
});

Deno.test("hooks nest, run in the order of registration, and also after a failure", async () => {
  const log: string[] = [];
  const say = (word: string) => () => void log.push(word);
  const [outer] = registered(() =>
    describe("outer", () => {
      beforeAll(say("all("));
      afterAll(say(")all"));
      beforeEach(say("each("));
      beforeEach(async () => {
        await Promise.resolve();
        log.push("second");
      });
      afterEach(say(")each"));
      describe("inner", () => {
        beforeEach(say("inner("));
        afterEach(say(")inner"));
        it("fails", () => {
          throw new Error("planted");
        });
      });
    })
  );
  await assertRejects(async () => void await run(outer!, log), Error, "planted");
  assertEquals(log, [
    ..."all( inner fails each( second inner(".split(" "),
    ...")inner )each )all".split(" "),
  ]);
});

Deno.test("a nested it.only leaves out the rest, up to the top", async () => {
  const [outer] = registered(() =>
    describe("outer", () => {
      it("a", () => {});
      describe("inner", () => {
        it("b", () => {});
        it.only("c", () => {});
      });
      describe("other", () => it("d", () => {}));
    })
  );
  assertEquals(outer!.only, true);
  assertEquals(await run(outer!), ["inner", "c"]);
});

Deno.test("describe.only runs the whole suite", async () => {
  const [outer] = registered(() =>
    describe("outer", () => {
      it("a", () => {});
      describe.only("inner", () => {
        it("b", () => {});
        it("c", () => {});
      });
    })
  );
  assertEquals(await run(outer!), ["inner", "b", "c"]);
});

Deno.test("ignore and skip leave out a test or a suite", async () => {
  const [first, ignored, second] = registered(() => {
    describe("outer", () => {
      it.ignore("a", () => {});
      it.skip("b", () => {});
      it("c", () => {});
    });
    describe.ignore("ignored", () => {
      throw new Error("is not looked into");
    });
    it.skip("single", () => {});
  });
  assertEquals(await run(first!), ["(a)", "(b)", "c"]);
  assertEquals([ignored!.ignore, second!.ignore], [true, true]);
});

Deno.test("an async describe throws: its tests would be lost", () => {
  const body = () => describe("outer", async () => await Promise.resolve());
  assertThrows(() => registered(body), Error, 'Returning a Promise from "describe"');
  assertEquals(registered(() => it("single", () => {})).length, 1); // and leaves nothing behind
});

Deno.test("nothing can be registered while a test runs, and no hook outside a describe", async () => {
  const [outer] = registered(() => it("outer", () => it("inner", () => {})));
  await assertRejects(async () => void await run(outer!), Error, "after tests start running");
  assertThrows(() => beforeEach(() => {}), Error, "Cannot add beforeEach outside a describe");
});
