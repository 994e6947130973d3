import { assert, assertEquals } from "@std/assert";
import { problemsOf, type Report, runControl } from "./control.ts";
import { ask } from "../lib/workers.ts";

Deno.test("two vCPUs read what the control context replaces, in Deno", async () => {
  const report = await runControl((data) => ask(import.meta.resolve("./vcpu_web.ts"), data));
  assertEquals(problemsOf(report), []);
  assert(report.versions >= 100);
});

Deno.test("a report of any problem is not accepted", () => {
  const vcpu = { sections: 1, configs: 1, tornConfigs: 0, tornMaps: 0 };
  const good: Report = {
    versions: 1,
    views: { built: 9, freed: 7 },
    deferred: 0,
    ram: [1],
    vcpus: [vcpu],
  };
  assertEquals(problemsOf(good), []);
  const bad: Partial<Report>[] = [
    { views: { built: 9, freed: 6 } },
    { deferred: 1 },
    { ram: [0] },
    { vcpus: [{ ...vcpu, configs: 0 }] },
    { vcpus: [{ ...vcpu, configs: 2 }] },
    { vcpus: [{ ...vcpu, tornConfigs: 1 }] },
    { vcpus: [{ ...vcpu, tornMaps: 1 }] },
  ];
  for (const change of bad) {
    assertEquals(problemsOf({ ...good, ...change }).length, 1, JSON.stringify(change));
  }
});
