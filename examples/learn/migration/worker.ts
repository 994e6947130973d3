/// <reference lib="deno.worker" />
import { MemoryAccess } from "@guestmem/flatview";
import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { GuestRam } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";

const PAGE = 4096;
/** Of this many stores, one goes to a page that is not hot. */
const RARE = 100_000;

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const reader = RcuDomain.attach(arena, data.domain).register({ flavour: "qsbr" });
  const memory = GuestRam.attach(arena, data.ram);
  const tlb = new Tlb(new MemoryAccess({ arena, reader, memory }).attach(data.memory));
  let stores = 0;
  /** A slice of the guest. */
  const run = () => {
    for (let i = 0; i < 2000; i++) {
      const isRare = stores % RARE === 0;
      const page = isRare ? stores / RARE % data.pages : i % data.hot;
      tlb.store32(page * PAGE + i % 1024 * 4, ++stores);
    }
    return 0;
  };
  new VcpuLoop(tlb, reader, new VcpuControl(data.control)).run({ run, flush() {} });
  reader.unregister();
  self.postMessage(stores);
};
