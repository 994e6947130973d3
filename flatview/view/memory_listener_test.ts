import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import { recorder, setUpListening } from "../model/recorder.ts";

Deno.test("a move, with two listeners: the sequence worked out by hand", () => {
  const { topology, system, memory, log } = setUpListening();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  const bar = topology.initIo("bar", 0x100, {});
  system.addSubregion(0, ram);
  system.addSubregion(0x2000, bar);
  bar.setCoalescing();
  topology.registerListener(recorder("B", 10, log), memory);
  topology.registerListener(recorder("A", 0, log), memory);
  assertEquals(log.splice(0), [
    ...["B begin", "B add ram@0+1000", "B add bar@2000+100", "B coAdd 2000+100", "B commit"],
    ...["A begin", "A add ram@0+1000", "A add bar@2000+100", "A coAdd 2000+100", "A commit"],
  ]);
  bar.setAddress(0x3000);
  assertEquals(log.splice(0), [
    ...["A begin", "B begin"],
    ...["B coDel 2000+100", "A coDel 2000+100", "B del bar@2000+100", "A del bar@2000+100"],
    ...["A nop ram@0+1000", "B nop ram@0+1000"],
    ...["A add bar@3000+100", "B add bar@3000+100", "A coAdd 3000+100", "B coAdd 3000+100"],
    ...["A commit", "B commit"],
  ]);
  // Readonly makes it another range: it goes and comes. A window over the RAM cuts it.
  topology.transaction(() => {
    ram.setReadonly(true);
    bar.setAddress(0x800);
  });
  assertEquals(log.splice(0).filter((line) => line.startsWith("A")), [
    ...["A begin", "A del ram@0+1000", "A coDel 3000+100", "A del bar@3000+100"],
    ...["A add ram@0+800 ro", "A add bar@800+100", "A coAdd 800+100", "A add ram@900+700 ro"],
    "A commit",
  ]);
});

Deno.test("dirty logging starts and stops without a range going", () => {
  const { topology, system, memory, log } = setUpListening();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  system.addSubregion(0, ram);
  topology.registerListener(recorder("A", 0, log), memory);
  topology.registerListener(recorder("B", 1, log), memory);
  log.length = 0;
  ram.setLog(true, 0);
  ram.setLog(true, 2);
  assertEquals(log.splice(0).filter((line) => /log/.test(line)), [
    ...["A logStart ram@0+1000 0>1", "B logStart ram@0+1000 0>1"],
    ...["A logStart ram@0+1000 1>5", "B logStart ram@0+1000 1>5"],
  ]);
  ram.setLog(false, 0);
  assertEquals(log.splice(0), [
    ...["A begin", "B begin", "A nop ram@0+1000", "B nop ram@0+1000"],
    ...["B logStop ram@0+1000 5>4", "A logStop ram@0+1000 5>4", "A commit", "B commit"],
  ]);
});

Deno.test("ioeventfds follow their region, and are distinguished by offset, size and data", () => {
  const { topology, system, memory, log } = setUpListening();
  const bar = topology.initIo("bar", 0x1000, {});
  system.addSubregion(0x2000, bar);
  topology.registerListener(recorder("A", 0, log), memory);
  log.length = 0;
  bar.addEventfd(0x10, 4, 7n, "seven");
  bar.addEventfd(0x10, 4, null, "any");
  assertEquals(log.splice(0), ["A fdAdd -@2010+4 7 seven", "A fdAdd -@2010+4 null any"]);
  bar.setAddress(0x4000);
  assertEquals(log.splice(0), [
    ...["A begin", "A del bar@2000+1000", "A add bar@4000+1000"],
    ...["A fdDel -@2010+4 null any", "A fdDel -@2010+4 7 seven"],
    ...["A fdAdd -@4010+4 null any", "A fdAdd -@4010+4 7 seven", "A commit"],
  ]);
  bar.delEventfd(0x10, 4, null, "any");
  assertEquals(log.splice(0), ["A fdDel -@4010+4 null any"]);
  bar.setEnabled(false);
  assertEquals(log.splice(0).filter((line) => /fd/.test(line)), ["A fdDel -@4010+4 7 seven"]);
  assertThrows(() => bar.delEventfd(0x10, 4, 8n, "seven"), FlatViewError, "no such ioeventfd");
  assertThrows(() => bar.addEventfd(0, 3, null, "x"), FlatViewError, "not 0, 1, 2, 4 or 8");
});

Deno.test("listeners hear of coalescing at once, clipped to what is shown, and again when it is undone", () => {
  const { topology, system, memory, log } = setUpListening();
  const bar = topology.initIo("bar", 0x1000, {});
  const cover = topology.initIo("cover", 0x100, {});
  system.addSubregion(0x2000, bar);
  system.addSubregionOverlap(0x2f80, cover, 1);
  topology.registerListener(recorder("A", 0, log), memory);
  log.length = 0;
  bar.addCoalescing(0xf00, 0x100);
  assertEquals(log.splice(0), ["A coAdd 2f00+80"]);
  assertThrows(() =>
    topology.transaction(() => {
      bar.clearCoalescing();
      throw new Error("planted");
    })
  );
  assertEquals(log.splice(0), ["A coDel 2f00+80", "A coAdd 2f00+80"]);
  assertEquals(bar.coalesced.length, 1);
});

Deno.test("of a change that no view shows listeners hear begin and commit only", () => {
  const { topology, system, memory, log } = setUpListening();
  const hidden = topology.initContainer("hidden", 0x1000);
  topology.registerListener(recorder("A", 0, log), memory);
  log.length = 0;
  system.addSubregion(0, hidden);
  assertEquals(log.splice(0), ["A begin", "A commit"]);
  hidden.setEnabled(false);
  log.length = 0;
  hidden.addSubregion(0, topology.initIo("io", 1, {})); // parent disabled: no update is pending
  assertEquals(log, []);
});

Deno.test("what a listener throws is thrown once the commit is complete", () => {
  const { topology, system, memory, log } = setUpListening();
  topology.registerListener({
    regionAdd: () => {
      throw new Error("planted");
    },
  }, memory);
  topology.registerListener(recorder("B", 1, log), memory);
  log.length = 0;
  const bar = topology.initIo("bar", 0x100, {});
  const error = assertThrows(() => system.addSubregion(0, bar), ListenerError, "complete");
  assertEquals(error.errors.map(String), ["Error: planted"]);
  assertEquals(error.cause, error.errors[0]);
  assertEquals(log, ["B begin", "B add bar@0+100", "B commit"]);
  assertEquals([bar.container, memory.view.ranges().length], [system, 1]);
});

Deno.test("a listener must not change the topology", () => {
  const { topology, system, memory } = setUpListening();
  const bar = topology.initIo("bar", 0x100, {});
  topology.registerListener({ regionAdd: () => bar.setEnabled(false) }, memory);
  const { errors: [error] } = assertThrows(() => system.addSubregion(0, bar), ListenerError);
  assertInstanceOf(error, FlatViewError);
  assertEquals(error.code, "COMMIT_IN_PROGRESS");
});

Deno.test("listeners that throw while a transaction is undone do not stop its undoing", () => {
  const { topology, system, memory } = setUpListening();
  const bar = topology.initIo("bar", 0x100, {});
  system.addSubregion(0, bar);
  const coalescedIoAdd = spy(() => {
    throw new Error("on add");
  });
  const coalescedIoDel = spy(() => {
    throw new Error("on del");
  });
  topology.registerListener({ coalescedIoAdd, coalescedIoDel }, memory);
  const error = assertThrows(() =>
    topology.transaction(() => {
      bar.setAddress(0x1000);
      bar.addCoalescing(0, 8);
      throw new Error("planted");
    }), AggregateError);
  assertEquals(error.errors.map(({ message }) => message), ["planted", "on add", "on del"]);
  assertEquals([bar.addr, bar.coalesced, memory.view.ranges()[0]!.first], [0n, [], 0n]);
  assertSpyCalls(coalescedIoAdd, 1);
  assertSpyCalls(coalescedIoDel, 1);

  const thrown = assertThrows(() => bar.addCoalescing(0, 8), ListenerError, "complete");
  assertEquals(thrown.errors.map(String), ["Error: on add"]);
  assertEquals(bar.coalesced.length, 1);
});
