/** The steps of retiring a block, in the order that `explore/mru.ts` explores. */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { coreOf, GuestRam } from "./guest_ram.ts";
import { findById, retire } from "./list_writer.ts";
import type { RamCore } from "./ram_core.ts";
import { RamList } from "./ram_list.ts";

Deno.test("a block is unlinked, then the version is bumped, then a grace period is asked for", () => {
  const ram = GuestRam.create(RcuDomain.create(Arena.create({ bytes: 1 << 20 })), {
    bytes: 1 << 20,
  });
  const { id } = new RamList(ram).addAnonymous({ name: "ram", length: 4096 });
  const core = coreOf(ram);
  const steps: string[] = [];
  const noting = {
    ...core,
    list: {
      remove: (block: number) => {
        steps.push("unlink");
        core.list.remove(block);
      },
    },
    kernel: {
      ...core.kernel,
      bumpVersion: (at: number) => {
        steps.push("bump");
        return core.kernel.bumpVersion(at);
      },
    },
    reclaimer: { callRcu: () => steps.push("call_rcu") },
  } as unknown as RamCore;
  retire(noting, findById(core, "retire", id), () => {});
  assertEquals(steps, ["unlink", "bump", "call_rcu"]);
});
