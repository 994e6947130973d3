import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertMatch } from "@std/assert";
import { Crew } from "./crew.ts";
import type { Order } from "./crew_test_worker.ts";

function createCrew() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const crew = new Crew(arena);
  const start = (name: string, fails: boolean) => {
    const order: Order = { name, arena: arena.handle, domain: domain.handle, fails };
    return crew.start<string>(name, import.meta.resolve("./crew_test_worker.ts"), order);
  };
  return { domain, crew, start };
}

Deno.test("a member is told things and answers in order", async () => {
  const { crew, start } = createCrew();
  const members = ["one", "two"].map((name) => start(name, false));
  members.forEach((member, i) => member.tell(`go ${i}`));
  const answers = Promise.all(members.map(async (member) => [
    await member.answer(),
    await member.answer(),
  ]));
  assertEquals(await crew.within("members", answers), [["ready", "go 0"], ["ready", "go 1"]]);
  assertEquals(crew.failures, []);
});

Deno.test("a member that fails inside a section is evicted, and nobody waits for it", async () => {
  const { domain, crew, start } = createCrew();
  const member = start("reader", true);
  assertEquals(await member.answer(), "ready");
  member.tell("go");
  assertEquals([await member.answer(), await member.answer()], ["go", null]);
  assertEquals(crew.failures.length, 1);
  assertMatch(crew.failures[0]!, /^reader failed: RangeError: planted\n.*crew_test_worker/);
  await domain.synchronizeAsync({ signal: AbortSignal.timeout(60_000) });
});
