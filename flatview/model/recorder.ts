/** A listener that writes down what it is notified of. */
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Topology } from "../topology/topology.ts";
import type { MemoryListener, MemoryRegionSection } from "../view/memory_listener.ts";

/** A topology with one address space, and an empty log. */
export function setUpListening() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  return { arena, topology, system, memory, log: [] as string[] };
}

const where = ({ region, offsetWithinAddressSpace: at, size }: MemoryRegionSection) =>
  `${region?.name ?? "-"}@${at.toString(16)}+${size.toString(16)}`;

/** A listener that logs all its calls: what matters is the order among several. */
export function recorder(name: string, priority: number, log: string[]): MemoryListener {
  const note = (text: string) => log.push(`${name} ${text}`);
  return {
    priority,
    begin: () => note("begin"),
    commit: () => note("commit"),
    regionAdd: (s) => note(`add ${where(s)}${s.readonly ? " ro" : ""}`),
    regionDel: (s) => note(`del ${where(s)}${s.readonly ? " ro" : ""}`),
    regionNop: (s) => note(`nop ${where(s)}`),
    logStart: (s, old, now) => note(`logStart ${where(s)} ${old}>${now}`),
    logStop: (s, old, now) => note(`logStop ${where(s)} ${old}>${now}`),
    eventfdAdd: (s, data, event) => note(`fdAdd ${where(s)} ${data} ${event}`),
    eventfdDel: (s, data, event) => note(`fdDel ${where(s)} ${data} ${event}`),
    logGlobalStart: () => note("globalStart"),
    logGlobalStop: () => note("globalStop"),
    logSync: (s) => note(`sync ${where(s)}`),
    logClear: (s) => note(`clear ${where(s)} from ${s.offsetWithinRegion.toString(16)}`),
    coalescedIoAdd: (_, at, size) => note(`coAdd ${at.toString(16)}+${size.toString(16)}`),
    coalescedIoDel: (_, at, size) => note(`coDel ${at.toString(16)}+${size.toString(16)}`),
  };
}
