import { assert, assertEquals } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import fc from "fast-check";
import { historyPlan, noCounts, runHistory } from "../model/edit_history.ts";
import { modelView, viewLines } from "../model/view_model.ts";
import { Topology } from "./topology.ts";

Deno.test("after any history, each published view is what the model shows", () => {
  const arena = Arena.create({ bytes: 1 << 21 });
  const domain = RcuDomain.create(arena);
  const counts = noCounts();
  fc.assert(
    fc.property(historyPlan, (plan) => runHistory(plan, { arena, domain }, counts)),
    { seed: 5, numRuns: 200 },
  );
  assert(counts.commits > 1000, `only ${counts.commits} transactions were committed`);
  assert(counts.skipped * 10 < counts.views, `${counts.skipped} views were not compared`);
});

Deno.test("a root that moves while it is disabled is published where it lies in the end", () => {
  const arena = Arena.create({ bytes: 1 << 22 });
  const topology = new Topology({ arena, domain: RcuDomain.create(arena) });
  const system = topology.initContainer("system", 2n ** 64n);
  const bar = topology.initIo("bar", 0x100, {});
  system.addSubregion(0x1000, bar);
  const window = topology.initAlias("window", 0x100, bar, 0);
  const spaces = [system, bar, window].map((root) => topology.createAddressSpace("", root));
  const assertShown = (line: string) => {
    for (const { root, view } of spaces) {
      assertEquals(viewLines(view.ranges()), [line]);
      assertEquals(modelView(root), [line]);
    }
  };
  topology.transaction(() => {
    bar.setEnabled(false);
    bar.setAddress(0x8000);
    bar.setEnabled(true);
  });
  assertShown("8000-80ff bar+0");
  topology.transaction(() => {
    bar.setEnabled(false);
    system.delSubregion(bar);
    system.addSubregion(0x4000, bar);
    bar.setEnabled(true);
  });
  assertShown("4000-40ff bar+0");
  topology.transaction(() => {
    bar.setEnabled(false);
    bar.setAddress(0x100);
  });
  bar.setEnabled(true);
  assertShown("100-1ff bar+0");
});
