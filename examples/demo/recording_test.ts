import { assertEquals, assertThrows } from "@std/assert";
import { Topology } from "@guestmem/flatview";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Recorder, UnexplainedAccessError } from "./recording.ts";

const line = (kind: string, addr: string, name: string): string =>
  `memory_region_ops_${kind} cpu 0 mr 0x1 addr ${addr} value 0x0 size 2 name '${name}'`;

/** A recorder over a machine with a device in memory, where a BAR that moves begins, and a port. */
function createRecorder(): Recorder {
  const arena = Arena.create({ bytes: 1 << 20 });
  const topology = new Topology({ arena, domain: RcuDomain.create(arena) });
  const system = topology.initContainer("system", 2n ** 64n);
  const ports = topology.initContainer("io", 0x1_0000);
  const [nic, hpet, pic] = ["nic", "hpet", "pic"].map((name) => topology.initIo(name, 0x1000, {}));
  system.addSubregion(0xfd60_1000, nic!);
  system.addSubregion(0xfed0_0000, hpet!);
  ports.addSubregion(0x20, pic!);
  const devices = [nic!, hpet!, pic!].map(({ id }, i) => (
    { region: id, key: 100 + i, origin: i === 0 ? 0x1000 : 0, writeKey: 200 + i }
  ));
  const spaces = [["memory", system], ["I/O", ports]] as const;
  const [memory, io] = spaces.map(([name, root]) => topology.createAddressSpace(name, root));
  return new Recorder(memory!, io!, devices);
}

Deno.test("a recorded access says where it goes and what answers, and is kept once", () => {
  const recorder = createRecorder();
  recorder.take("flatview_new 0x7f (root 0x55)");
  recorder.take(line("read", "0xfd601004", "nic"));
  recorder.take(line("write", "0xfed00010", "hpet"));
  recorder.take(line("read", "0x22", "pic"));
  recorder.take(line("read", "0xfd601004", "nic"));
  const { accesses, order } = recorder.finish();
  assertEquals([...order], [0, 1, 2, 0]);
  const common = { size: 2, isWrite: false, isPort: false, place: null };
  assertEquals(accesses, [
    // A BAR that moves: an offset in it, not an address.
    { ...common, place: 0, address: 0x1004, key: 100, offset: 0x1004, writeKey: 200 },
    { ...common, isWrite: true, address: 0xfed0_0010, key: 101, offset: 0x10, writeKey: 201 },
    { ...common, isPort: true, address: 0x22, key: 102, offset: 2, writeKey: 202 },
  ]);
});

Deno.test("an access that the map does not explain is refused", () => {
  const recorder = createRecorder();
  recorder.take(line("read", "0x22", "pic"));
  assertThrows(
    () => recorder.take(line("read", "0x22", "pit")),
    UnexplainedAccessError,
    'Cannot replay line 2 of the trace: nothing shows "pit" at 0x22',
  );
});
