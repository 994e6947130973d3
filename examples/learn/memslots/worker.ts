/// <reference lib="deno.worker" />
import { Memslots, type MemslotsHandle } from "@guestmem/ramblock/memslots";
import { Arena, type ArenaHandle } from "@guestmem/rcu";
import { watch } from "./watch.ts";

/** What the vCPU is started with. */
export interface Entry {
  readonly arena: ArenaHandle;
  readonly slots: MemslotsHandle;
  readonly host: number;
  readonly gfns: readonly number[];
  /** Two words: passes made by the vCPU, and whether it is to stop. */
  readonly words: Int32Array;
}

self.onmessage = ({ data: { words, ...data } }: MessageEvent<Entry>) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const met = watch(Memslots.attach(arena, data.slots), data.host, data.gfns, () => {
    Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
    return Atomics.load(words, 1) === 0;
  });
  arena.close();
  self.postMessage(met);
};
