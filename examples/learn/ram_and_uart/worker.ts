/// <reference lib="deno.worker" />
import { MemoryAccess, type MemTxResult, MmioChannel } from "@guestmem/flatview";
import { GuestRam } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";

/** What the vCPU saw. */
export interface Seen {
  /** The text, read back from RAM. */
  readonly inRam: string;
  /** Result of a four-byte write to the UART. */
  readonly wideWrite: MemTxResult;
  /** Result of a read past the end of RAM. */
  readonly nothing: MemTxResult;
}

const BUFFER = 0x4000;
const UART = 0x1000_0000;

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const access = new MemoryAccess({
    arena,
    reader,
    memory: GuestRam.attach(arena, data.ram),
    channel: MmioChannel.attach(arena, data.channel),
  });
  const memory = access.attach(data.memory);

  memory.write(BUFFER, new TextEncoder().encode(data.text));
  const bytes = new Uint8Array(data.text.length);
  memory.read(BUFFER, bytes);
  for (const byte of bytes) {
    while ((memory.load8(UART + 5) & 0x20) === 0);
    memory.store8(UART, byte); // blocks, outside any section, until the device has taken it
  }
  const wideWrite = memory.store32le(UART, 0);
  memory.load32le(0x20_0000);
  const nothing = memory.result;
  access.close();
  reader.unregister();
  self.postMessage(
    { inRam: new TextDecoder().decode(bytes), wideWrite, nothing } satisfies Seen,
  );
};
