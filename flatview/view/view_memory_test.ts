import { assertEquals } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { assertType, type Has, type IsExact } from "@std/testing/types";
import { Arena, type BlockAllocator, RcuDomain, type SharedMemory } from "@guestmem/rcu";
import { Topology } from "../topology/topology.ts";
import { AddressSpaceReader } from "./address_space_reader.ts";
import type { EventNotifier } from "./event_notifier.ts";
import type { ReaderMemory, ViewMemory, ViewReclaimer } from "./view_memory.ts";

type TopologyOptions = NonNullable<ConstructorParameters<typeof Topology>[0]>;

Deno.test("an arena and its domain are what a topology needs, and more than it needs", () => {
  assertType<Has<Arena, ViewMemory>>(true);
  assertType<Has<RcuDomain, ViewReclaimer>>(true);
  assertType<Has<ViewMemory, Arena>>(false);
  assertType<Has<ViewReclaimer, RcuDomain>>(false);
  assertType<IsExact<Exclude<keyof ViewMemory, keyof BlockAllocator>, "token" | "handle">>(true);
  assertType<IsExact<keyof ViewReclaimer, "callRcu" | "barrier">>(true);
  assertType<IsExact<Required<TopologyOptions>["arena"], ViewMemory>>(true);
});

Deno.test("readers cannot allocate", () => {
  assertType<IsExact<Exclude<keyof ReaderMemory, keyof SharedMemory>, "handle">>(true);
  assertType<IsExact<Parameters<typeof AddressSpaceReader.attach>[0], ReaderMemory>>(true);
  assertType<IsExact<Parameters<typeof EventNotifier.attach>[0], Pick<SharedMemory, "i32">>>(true);
});

Deno.test("a topology publishes in memory that is no arena, and waits for what is no domain", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const { memory, u32, i32, u8, token, handle } = arena;
  const free = spy((offset: number) => arena.free(offset));
  const domain = RcuDomain.create(arena);
  const callRcu = spy((run: () => void) => domain.callRcu(run));
  const topology = new Topology({
    arena: {
      ...{ memory, u32, i32, u8, token, handle, free },
      allocate: (bytes, alignment, zeroed) => arena.allocate(bytes, alignment, zeroed),
    },
    domain: { callRcu, barrier: () => domain.barrier() },
  });
  const bar = topology.initIo("bar", 0x100, {});
  const space = topology.createAddressSpace("memory", bar);
  const reader = AddressSpaceReader.attach({ memory, u32, i32, u8, handle }, space.handle);
  const guard = domain.register().lock();
  assertEquals(reader.region(reader.lookup(guard, 0x10)), bar.id);
  guard.unlock();
  assertSpyCalls(callRcu, 0);
  bar.setAddress(0x1000);
  assertSpyCalls(callRcu, 1);
  assertSpyCalls(free, 0);
  domain.barrier();
  assertSpyCalls(free, 2); // the view and its dispatch
});
