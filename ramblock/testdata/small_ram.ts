/** Guest RAM with small windows, for tests. */

import { Arena, RcuDomain, type ReadGuard } from "@guestmem/rcu";
import type { BackingFile } from "../blocks/backing_file.ts";
import { GuestRam } from "../blocks/guest_ram.ts";
import { RamList } from "../blocks/ram_list.ts";

/** Bytes of a page. */
export const PAGE = 4096;

/** Bytes of a window. */
export const WINDOW = 1 << 20;

/** Guest RAM of small windows, so that blocks straddle them. */
export function setUp(bytes = 4 * WINDOW, arenaBytes = 1 << 20, debug = true) {
  const arena = Arena.create({ bytes: arenaBytes, debug });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes, windowBytes: WINDOW, dirtyChunkPages: 64 });
  const blocks = new RamList(ram);
  const reader = domain.register();
  const inside = <T>(body: (guard: ReadGuard) => T): T => {
    const guard = reader.lock();
    try {
      return body(guard);
    } finally {
      guard.unlock();
    }
  };
  return { arena, domain, ram, blocks, inside };
}

/** A file in memory whose functions can be made to fail. */
export class TestFile implements BackingFile {
  bytes: Uint8Array;
  flushed = 0;
  refuses = "";
  /** Most bytes that one call moves. */
  most = 1000;

  constructor(bytes: number) {
    this.bytes = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
  }

  read(into: Uint8Array, position: number): number {
    if (this.refuses === "read") throw new Error("missing");
    const part = this.bytes.subarray(position, position + Math.min(into.length, this.most));
    into.set(part);
    return part.length;
  }

  write(from: Uint8Array, position: number): number {
    if (this.refuses === "write") throw new Error("disk full");
    const part = from.subarray(0, this.most);
    this.bytes.set(part, position);
    return part.length;
  }

  flush(): void {
    if (this.refuses === "flush") throw new Error("gone");
    this.flushed++;
  }
}
