import { assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatViewError, Topology } from "@guestmem/flatview";
import { parseTraceLine } from "../lib/trace_line.ts";
import { Replay } from "./trace_replay.ts";

/** A map with a device at an address, and an alias of the device's upper half elsewhere. */
function mapWithDevice(arena: Arena, domain: RcuDomain, at: number): Topology {
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const bus = topology.initContainer("bus", 2n ** 64n);
  const device = topology.initIo("device", 0x1000, {});
  bus.addSubregion(at, device);
  system.addSubregion(0, topology.initAlias("window", 0x10_0000, bus, 0));
  system.addSubregion(0x80_0000, topology.initIo("fixed", 0x10, {}));
  topology.createAddressSpace("memory", system);
  return topology;
}

const access = (addr: number, name: string) =>
  `memory_region_ops_write cpu 0 mr 0x55 addr 0x${
    addr.toString(16)
  } value 0x1 size 4 name '${name}'`;

/** Replays lines over a device that moves from 0x2000 to 0x4000. */
function replayed(lines: readonly string[]): ReturnType<Replay["finish"]> {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const before = mapWithDevice(arena, domain, 0x2000);
  const after = mapWithDevice(arena, domain, 0x4000);
  const replay = new Replay(before, after, arena, domain.register());
  lines.forEach((line, i) => replay.take(parseTraceLine(line, i + 1), "trace", i + 1));
  return replay.finish();
}

const NEW = "flatview_new 0x1 (root 0x2)";

Deno.test("an access before the first change is judged by the map before, one after the last by that after", () => {
  const counts = replayed([access(0x2000, "device"), NEW, NEW, access(0x4ffc, "device")]);
  assertEquals(counts, { accesses: 2, agreed: 2, otherPath: 0, undecided: 0, wrong: 0 });
});

Deno.test("a planted wrong access is found on a known map, and undecided while it changes", () => {
  const lost = access(0x9000, "device");
  assertEquals(replayed([lost, NEW, lost, NEW, lost]), {
    accesses: 3,
    agreed: 0,
    otherPath: 0,
    undecided: 1,
    wrong: 2,
  });
  assertEquals(replayed([access(0x80_0000, "no such region")]).wrong, 1);
});

Deno.test("an access through an alias is on another path", () => {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const config = topology.initIo("config", 0x1000, {});
  system.addSubregion(0x4_0000, topology.initAlias("window", 0x1000, config, 0));
  topology.createAddressSpace("memory", system);
  const replay = new Replay(topology, topology, arena, domain.register());
  replay.take(parseTraceLine(access(0x10, "config"), 1), "trace", 1);
  assertEquals(replay.finish().otherPath, 1);
});

Deno.test("a line that is not from a trace is an error", () => {
  assertThrows(() => parseTraceLine("???", 7), FlatViewError, "line 7");
  assertThrows(
    () => parseTraceLine("memory_region_ops_read cpu 0", 3),
    FlatViewError,
    "name 'NAME'",
  );
  assertEquals(parseTraceLine("pci_cfg_write e1000 00:03.0 @0x4 <- 0x7", 1).event, "other");
});
