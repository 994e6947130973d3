/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { PageResolver } from "./page_resolver.ts";
import { VcpuControl } from "./vcpu_control.ts";
import { VcpuLoop } from "./vcpu_loop.ts";

/** Words that the test and the vCPU share. */
export const Shared = {
  /** Slices that the vCPU has run. */
  SLICES: 0,
  /** The page that the core found the RAM at when it was last told to flush. */
  PAGE: 1,
  /** Whether the core sleeps while no interrupt is pending. */
  SLEEP: 2,
  /** Interrupts that were raised, and that were taken. */
  INTERRUPTS: 3,
  TAKEN: 4,
  WORDS: 5,
} as const;

/** What a vCPU is given. */
export interface VcpuData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  readonly control: SharedArrayBuffer;
  readonly shared: SharedArrayBuffer;
  readonly flavour: "memb" | "qsbr";
}

const setup = (data: VcpuData) => {
  const { arena, domain } = attachAll(data, {});
  const reader = data.flavour === "memb" ? domain.register() : domain.register({ flavour: "qsbr" });
  const memory = new FlatMemory(data.memory);
  const resolver = new PageResolver(
    new MemoryAccess({ arena, reader, memory }).attach(data.space),
  );
  const loop = new VcpuLoop(resolver, reader, new VcpuControl(data.control));
  const shared = new Int32Array(data.shared);
  const core = {
    run(): number {
      Atomics.add(shared, Shared.SLICES, 1);
      const pending = Atomics.load(shared, Shared.INTERRUPTS);
      const isPending = pending !== Atomics.load(shared, Shared.TAKEN);
      Atomics.store(shared, Shared.TAKEN, pending);
      return Atomics.load(shared, Shared.SLEEP) === 1 && !isPending ? Infinity : 0;
    },
    flush(): void {
      for (let page = 1; page < 4; page++) {
        if (resolver.resolve(page) !== 0) Atomics.store(shared, Shared.PAGE, page);
      }
    },
  };
  return {
    token: () => arena.token,
    /** Runs until it is stopped, and leaves. */
    run(): void {
      loop.run(core);
      reader.unregister();
    },
    /** A slice throws, inside its section or outside. */
    fail(where: "inside" | "outside"): void {
      const flush = () => {};
      const run = () => {
        if (where === "outside") resolver.unlock();
        throw new Error("planted");
      };
      loop.run({ run, flush });
    },
  };
};
export type Setup = typeof setup;
serve(setup);
