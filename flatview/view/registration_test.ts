import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import { recorder, setUpListening } from "../model/recorder.ts";

const isOfEvent = (line: string) => /fd/.test(line);

Deno.test("a listener hears of what is there, and that it is gone when it leaves", () => {
  const { topology, system, memory, log } = setUpListening();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  system.addSubregion(0, ram);
  ram.setLog(true, 1);
  const listener = recorder("A", 0, log);
  topology.registerListener(listener, memory);
  assertThrows(
    () => topology.registerListener(listener, memory),
    FlatViewError,
    "registered already",
  );
  assertThrows(() => memory.destroy(), FlatViewError, "1 listeners are registered");
  topology.unregisterListener(listener, memory);
  assertEquals(log, [
    ...["A begin", "A add ram@0+1000", "A logStart ram@0+1000 0>2", "A commit"],
    ...["A begin", "A logStop ram@0+1000 2>0", "A del ram@0+1000", "A commit"],
  ]);
  assertThrows(
    () => topology.unregisterListener(listener, memory),
    FlatViewError,
    "is not registered",
  );
});

Deno.test("registering and unregistering replay coalesced ranges and ioeventfds", () => {
  const { topology, system, memory, log } = setUpListening();
  const bar = topology.initIo("bar", 0x1000, {});
  bar.addEventfd(0x10, 2, 1n, "one");
  bar.addEventfd(0x20, 0, null, "any");
  bar.addCoalescing(0x100, 0x100);
  bar.addCoalescing(0x800, 0x10);
  system.addSubregion(0x1000, bar);
  const [first, second] = [recorder("A", 0, log), recorder("B", 0, log)];
  const comes = (name: string) =>
    ["begin", "add bar@1000+1000", "coAdd 1100+100", "coAdd 1800+10"].concat(
      ["fdAdd -@1010+2 1 one", "fdAdd -@1020+0 null any", "commit"],
    ).map((line) => `${name} ${line}`);
  topology.registerListener(first, memory);
  assertEquals(log.splice(0), comes("A"));
  topology.registerListener(second, memory);
  assertEquals(log.splice(0), comes("B"));
  topology.unregisterListener(first, memory);
  assertEquals(log.splice(0), [
    ...["A begin", "A coDel 1100+100", "A coDel 1800+10", "A del bar@1000+1000"],
    ...["A fdDel -@1010+2 1 one", "A fdDel -@1020+0 null any", "A commit"],
  ]);
  topology.unregisterListener(second, memory);
  log.length = 0;
  bar.delEventfd(0x20, 0, null, "any"); // while nobody listens
  topology.registerListener(first, memory);
  assertEquals(log.filter(isOfEvent), ["A fdAdd -@1010+2 1 one"]);
});

Deno.test("a listener that is registered in a transaction hears of what is published, then of the change", () => {
  const { topology, system, memory, log } = setUpListening();
  const bar = topology.initIo("bar", 0x1000, {});
  bar.addEventfd(0x10, 2, 1n, "old");
  system.addSubregion(0, bar);
  topology.transaction(() => {
    bar.delEventfd(0x10, 2, 1n, "old");
    bar.addEventfd(0x20, 2, 2n, "new");
    topology.registerListener(recorder("A", 0, log), memory);
    assertEquals(log.splice(0), [
      ...["A begin", "A add bar@0+1000", "A fdAdd -@10+2 1 old", "A commit"],
    ]);
  });
  assertEquals(log, ["A fdDel -@10+2 1 old", "A fdAdd -@20+2 2 new"]);
});

Deno.test("coalesced ranges come and go in the order in which they were added", () => {
  const { topology, system, memory, log } = setUpListening();
  const io = topology.initIo("io", 0x1000, {});
  io.addCoalescing(0x100, 0x10);
  io.addCoalescing(0x200, 0x10);
  topology.registerListener(recorder("A", 0, log), memory);
  log.length = 0;
  system.addSubregion(0, io);
  assertEquals(log.splice(0), [
    ...["A begin", "A add io@0+1000", "A coAdd 100+10", "A coAdd 200+10", "A commit"],
  ]);
  io.clearCoalescing();
  assertEquals(log, ["A coDel 100+10", "A coDel 200+10"]);
});

Deno.test("in every commit a listener hears of all ranges that stay, whichever address space has changed", () => {
  const { topology, system, memory, log } = setUpListening();
  system.addSubregion(0, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  const io = topology.initContainer("io", 0x10000);
  const other = topology.createAddressSpace("I/O", io);
  topology.registerListener(recorder("A", 0, log), memory);
  topology.registerListener(recorder("B", 1, log), other);
  // As vhost does: a list that is made anew between begin and commit.
  let [fresh, installed]: [string[], string[]] = [[], []];
  topology.registerListener({
    begin: () => fresh = [],
    regionAdd: ({ region }) => fresh.push(region!.name),
    regionNop: ({ region }) => fresh.push(region!.name),
    commit: () => installed = fresh,
  }, memory);
  log.length = 0;
  io.addSubregion(0x3f8, topology.initIo("serial", 8, {}));
  assertEquals(log.splice(0), [
    ...["A begin", "B begin", "A nop ram@0+1000", "B add serial@3f8+8", "A commit", "B commit"],
  ]);
  assertEquals(installed, ["ram"]);
  system.setSize(2n ** 63n); // the same ranges
  topology.initIo("loose", 8, {}).setSize(16); // a region in no tree
  assertEquals(
    log.splice(0),
    Array(2).fill(0).flatMap(() => [
      ...["A begin", "B begin", "A nop ram@0+1000", "B nop serial@3f8+8", "A commit", "B commit"],
    ]),
  );
  assertEquals(installed, ["ram"]);
  io.addCoalescing(0, 1); // nothing that a view shows
  assertEquals(log, []);
});

Deno.test("whoever does not ask for ranges that stay costs a commit nothing", () => {
  const { topology, system, memory } = setUpListening();
  system.addSubregion(0, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  const other = topology.initContainer("other", 0x1000);
  topology.createAddressSpace("other", other);
  topology.registerListener({ regionAdd() {}, regionDel() {}, eventfdAdd() {} }, memory);
  let reads = 0;
  const { view } = memory;
  Object.defineProperty(view, "ranges", { value: () => (reads++, []) });
  Object.defineProperty(view, "range", { value: () => reads++ });
  other.addSubregion(0, topology.initIo("io", 1, {}));
  assertEquals([reads, memory.view], [0, view]);
});

Deno.test("what a listener throws while it is registered is thrown in the end, and it stays registered", () => {
  const { topology, memory } = setUpListening();
  const listener = {
    begin() {
      throw new Error("planted");
    },
  };
  const register = () => topology.registerListener(listener, memory);
  assertEquals(assertThrows(register, ListenerError).errors.map(String), ["Error: planted"]);
  const unregister = () => topology.unregisterListener(listener, memory);
  assertThrows(unregister, ListenerError);
  const again = assertThrows(unregister, FlatViewError, "not registered");
  assertEquals(again.code, "ADDRESS_SPACE_STATE");
});

Deno.test("an ioeventfd that a disabled region was given is there once it is enabled", () => {
  const { topology, system, memory, log } = setUpListening();
  const bar = topology.initIo("bar", 0x1000, {});
  system.addSubregion(0, bar);
  topology.registerListener(recorder("A", 0, log), memory);
  bar.setEnabled(false);
  bar.addEventfd(0x10, 2, null, "event");
  log.length = 0;
  bar.setEnabled(true);
  assertEquals(log.filter(isOfEvent), ["A fdAdd -@10+2 null event"]);
});
