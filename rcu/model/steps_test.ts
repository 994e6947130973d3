import { accesses, isAccess } from "#tools/model/mod.ts";
import { assert, assertEquals } from "@std/assert";
import { type FunctionName, steps } from "./steps.ts";

const source = await Deno.readTextFile(new URL("../kernel/kernel.as.ts", import.meta.url));

for (const name of Object.keys(steps) as FunctionName[]) {
  Deno.test(`steps: ${name} is what the kernel does`, () => {
    const table = steps[name].filter(isAccess).map(({ access, width, word, plain }) => {
      return { access, width, word, ...(plain && { plain }) };
    });
    assertEquals(table, accesses(source, name));
  });
}

Deno.test("steps: every function of the kernel with an ordered access is in the table", () => {
  // What the table leaves out: single accesses, which are building blocks and no protocol.
  const cells = /^(load|store|exchange|compareExchange|add)(32|64)$|^notify$|^wait32$|^pairSecond$/;
  const exported = [...source.matchAll(/^export function (\w+)/gm)].map(([, name]) => name!);
  const protocols = exported.filter((name) => !cells.test(name));
  assertEquals(protocols.toSorted(), Object.keys(steps).toSorted());
});

Deno.test("steps: the driver sleeps as the model's updater does", async () => {
  const driver = await Deno.readTextFile(new URL("../grace_period/driver.ts", import.meta.url));
  // From reading EVENT to the sleep: nothing is left out, and in this order.
  const sleep = [
    "load32(this.#event",
    "#engine.arm(",
    "slot === 0 || this.poll(",
    "(this.#event, seen",
  ];
  const sleepAsync = [
    "load32(this.#event",
    "#engine.arm(",
    "slot === 0 || this.poll(",
    "await waitAsync(",
  ];
  for (const [method, steps] of [["#sleep", sleep], ["async waitAsync", sleepAsync]] as const) {
    const start = driver.indexOf(`  ${method}(`);
    const body = driver.slice(start, driver.indexOf("\n  }\n", start));
    const places = steps.map((step) => body.indexOf(step));
    assert(!places.includes(-1), `${method} lacks ${steps[places.indexOf(-1)]}`);
    assertEquals(places, places.toSorted((a, b) => a - b), method);
  }
});

Deno.test("steps: what readers call neither loops, retries nor waits (RCU-G3)", () => {
  const calls = ["lock", "unlock", "readWord", "quiescent", "srcuLock", "srcuUnlock"] as const;
  for (const name of calls) {
    const body = steps[name];
    assertEquals(body.filter((row) => "jump" in row), [], name);
    const kinds = body.filter(isAccess).map(({ access }) => access);
    assertEquals(kinds.filter((kind) => kind === "cmpxchg" || kind === "wait"), [], name);
  }
});
