/** A waiting driver takes the steps that `explore/updaters.ts` explores, in the same order. */

import { assertEquals } from "@std/assert";
import { instantiateKernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { Arena, RcuDomain } from "../mod.ts";
import { Driver } from "./driver.ts";
import { rcuEngine } from "./engine.ts";
import { Deadline } from "../sync/wait_options.ts";
import { StallWatch } from "./stall.ts";

/** A driver that finds a reader in its way until it has armed twice, and its steps once it has spun. */
function recording() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena).offset;
  const kernel = instantiateKernel(arena.memory);
  const engine = rcuEngine(kernel, domain);
  const steps: string[] = [];
  let armed = 0;
  const recorded = {
    ...engine,
    advance: () => {
      if (armed > 0) steps.push("advance");
      return armed > 1 ? 0 : DOMAIN.size;
    },
    arm: () => {
      steps.push("arm");
      armed++;
      return DOMAIN.size;
    },
  };
  const noting = {
    ...kernel,
    load32: (cell: number) => {
      if (cell === DOMAIN.event.at(domain)) steps.push("load EVENT");
      return kernel.load32(cell);
    },
    wait32: () => {
      steps.push("sleep");
      return 0;
    },
  };
  const stalls = new StallWatch(arena, domain, engine, "");
  return { driver: new Driver(arena, domain, recorded, stalls, noting), steps };
}

Deno.test("EVENT is read before the readers are armed, and the last look precedes the sleep", () => {
  const { driver, steps } = recording();
  driver.wait(2, new Deadline("wait"));
  assertEquals(steps, [
    ...["load EVENT", "arm", "advance", "sleep", "advance"],
    ...["load EVENT", "arm", "advance"],
    "advance",
  ]);
});

Deno.test("a driver that never blocks keeps the same order", async () => {
  const { driver, steps } = recording();
  await driver.waitAsync(2, new Deadline("wait"));
  assertEquals(steps, [
    ...["load EVENT", "arm", "advance", "advance"],
    ...["load EVENT", "arm", "advance"],
  ]);
});
