/// <reference lib="deno.worker" />
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import { Arena, type ArenaHandle } from "@guestmem/rcu";

/** What the guest is started with. */
export interface Entry {
  readonly arena: ArenaHandle;
  readonly ram: GuestRamHandle;
  /** The ram_addr_t of the NVDIMM. */
  readonly offset: number;
  /** What the guest appends. */
  readonly line: string;
}

/** The guest: keeps lines of text in the NVDIMM, terminated by a zero byte. */
self.onmessage = ({ data }: MessageEvent<Entry>) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const ram = GuestRam.attach(arena, data.ram);
  const reader = ram.domain.register();
  const guard = reader.lock();
  const bytes = new Uint8Array(4096);
  ram.read(guard, data.offset, bytes);
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  ram.write(guard, data.offset + end, new TextEncoder().encode(`${data.line}\n`));
  guard.unlock();
  reader.unregister();
  arena.close();
  self.postMessage(text.split("\n").slice(0, -1));
};
