import { assert, assertEquals } from "@std/assert";
import { MemoryAccess } from "@guestmem/flatview";
import { PageResolver } from "@guestmem/flatview/vcpu";
import { DIRTY_CLIENT } from "@guestmem/ramblock";
import { Core } from "./core.ts";
import { Machine } from "./machine.ts";
import { run } from "./main.ts";
import { BEHIND_BAR, DEVICE_VALUE, FROM_BAR, FROM_DEVICE, OUT, RAM_BYTES } from "./program.ts";

/** DIMMs after which a run has failed, however slow the machine. */
const MOST = 50_000;

Deno.test("a core with a TLB of its own follows the map while DIMMs go and a BAR moves", async () => {
  const outcome = await run(({ rounds, plugged }) =>
    plugged >= MOST || rounds >= 500 && plugged >= 100
  );
  assert(outcome.rounds >= 500, JSON.stringify(outcome));
  assertEquals([outcome.stale, outcome.strays], [0, 0]);
  assert(outcome.exits > 0 && outcome.refused > 0, JSON.stringify(outcome));
});

Deno.test("planted: a core that keeps its entries loads from memory that is gone, and stores to it", async () => {
  const { stale, strays } = await run(
    ({ stale, strays, plugged }) => plugged >= MOST || stale > 0 && strays > 0,
    true,
  );
  assert(stale > 0 && strays > 0);
});

/** A core in this context, between whose slices everything is in the test's hand. */
function inHand(keepsEntries: boolean) {
  const machine = new Machine();
  const { arena, domain, ram, memory, device, area } = machine;
  const reader = domain.register();
  const access = new MemoryAccess({ arena, reader, memory: ram });
  access.bind(device.id, { read: (offset) => offset === 0 ? DEVICE_VALUE : 0 });
  const resolver = new PageResolver(access.attach(memory.handle));
  const core = new Core(ram.handle.windows[0]!, area, resolver, 0);
  let generation = 0;
  let logEpoch = 0;
  /** Runs until the guest has gone a few more rounds. */
  const goOn = () => {
    resolver.lock();
    const isOther = resolver.generation !== generation || resolver.logEpoch !== logEpoch;
    ({ generation, logEpoch } = resolver);
    if (isOther && !keepsEntries) core.flush();
    const wanted = machine.rounds + 3;
    while (machine.rounds < wanted) core.run();
    resolver.unlock();
  };
  return { machine, core, reader, goOn };
}

for (const keepsEntries of [false, true]) {
  const what = keepsEntries ? "planted: entries that are kept show" : "no entry shows";
  Deno.test(`${what} what a map before showed`, () => {
    const { machine, core, goOn } = inHand(keepsEntries);
    goOn();
    assertEquals([FROM_BAR, BEHIND_BAR, FROM_DEVICE].map((x) => core.x(x)), [
      1n,
      0n,
      BigInt(DEVICE_VALUE),
    ]);
    machine.moveBar();
    goOn();
    const [atHome, behind] = [core.x(FROM_BAR), core.x(BEHIND_BAR)];
    // The new home is found either way, since it was no memory before.
    assertEquals([atHome, behind], keepsEntries ? [1n, 1n] : [0n, 1n]);
    for (let dimm = 0; dimm < 4; dimm++) {
      machine.unplug();
      machine.domain.synchronize();
      machine.spoil();
      goOn();
      machine.plug();
      goOn();
    }
    assertEquals([machine.stale > 0, machine.strays > 0], [keepsEntries, keepsEntries]);
  });
}

Deno.test("a logged page is marked once in a log epoch, and stored to by the core itself", () => {
  const { machine, core, reader, goOn } = inHand(false);
  const { dirty } = machine.ram;
  const collect = () => [...dirty.collect(reader, DIRTY_CLIENT.MIGRATION, { length: RAM_BYTES })];
  const exits = () => {
    const before = core.exits;
    goOn();
    return core.exits - before;
  };
  goOn();
  const usual = exits();
  machine.low.setLog(true, DIRTY_CLIENT.MIGRATION);
  collect(); // what was dirty from the start
  for (let round = 0; round < 3; round++) {
    assertEquals([exits(), exits()], [usual, usual]);
    assertEquals(collect(), [OUT / 4096]);
  }
  machine.low.setLog(false, DIRTY_CLIENT.MIGRATION);
  assertEquals([exits(), collect()], [usual, []]);
});
