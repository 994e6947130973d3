import { assertEquals } from "@std/assert";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain, RcuPointer } from "@guestmem/rcu";
import { attachAll } from "./attach.ts";
import { Barrier, Schedule } from "./schedule.ts";

interface Data {
  readonly arena: ArenaHandle;
  readonly label: string;
  readonly domain: DomainHandle;
  readonly schedule: SharedArrayBuffer;
  readonly barrier?: SharedArrayBuffer;
  /** Offset of a pointer's cell. */
  readonly cell: number;
}

Deno.test("a worker attaches to what it is sent, and to nothing else", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const cell = RcuPointer.create(arena, 64);
  const data: Data = {
    arena: arena.handle,
    label: "attached",
    domain: domain.handle,
    schedule: Schedule.create().buffer,
    cell: cell.offset,
  };
  const attached = attachAll(data, { cell: RcuPointer });
  assertEquals(attached.barrier, undefined);
  assertEquals(Object.keys(attached), ["arena", "domain", "schedule", "cell"]);
  assertEquals(arena.contexts().map(({ label }) => label).includes("attached"), true);
  const guard = attached.domain.register().lock();
  assertEquals(attached.cell.dereference(guard), 64);
  guard.unlock();
  attached.schedule.reach(1);
  const barrier = Barrier.create(1);
  attachAll({ ...data, barrier: barrier.buffer } as Required<Data>).barrier.arrive();
});
