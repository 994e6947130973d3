import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import { recorder, setUpListening } from "../model/recorder.ts";

/** RAM at 0, a device at 0x1000, ROM at 0x2000, a part of the RAM at 0x4000 once more; two listeners. */
function setUp() {
  const setting = setUpListening();
  const { topology, system, memory, log } = setting;
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  const rom = topology.initRom("rom", 0x1000, { blockId: 2, ramAddr: 0x1000n });
  system.addSubregion(0, ram);
  system.addSubregion(0x1000, topology.initIo("io", 0x1000, {}));
  system.addSubregion(0x2000, rom);
  system.addSubregion(0x4000, topology.initAlias("window", 0x800, ram, 0x400));
  topology.registerListener(recorder("A", 0, log), memory);
  topology.registerListener(recorder("B", 1, log), memory);
  log.length = 0;
  return { ...setting, ram, rom };
}

const isOfLog = (line: string) => !/ (nop|begin|commit)/.test(line);

Deno.test("logging counts the users of each client", () => {
  const { ram, log } = setUp();
  ram.setLog(true, 0);
  ram.setLog(true, 0);
  ram.setLog(true, 2);
  ram.setLog(false, 0);
  assertEquals(ram.dirtyLogMask, 0b101);
  ram.setLog(false, 0);
  assertEquals(ram.dirtyLogMask, 0b100);
  const starts = log.filter((line) => /A log\w+ ram@0/.test(line));
  assertEquals(starts, [
    ...["A logStart ram@0+1000 0>1", "A logStart ram@0+1000 1>5", "A logStop ram@0+1000 5>4"],
  ]);
  const error = assertThrows(() => ram.setLog(false, 0), FlatViewError, "client 0 does not log");
  assertEquals(error.code, "INVALID_EDIT");
});

Deno.test("all memory is logged while somebody wants it: RAM and ROM, in every view, and what comes later", () => {
  const { topology, system, memory, ram, log } = setUp();
  topology.startGlobalLog();
  const starts = ["ram@0+1000", "rom@2000+1000", "ram@4000+800"]
    .flatMap((range) => [`A logStart ${range} 0>4`, `B logStart ${range} 0>4`]);
  assertEquals(log.splice(0).filter(isOfLog), ["A globalStart", "B globalStart", ...starts]);
  topology.startGlobalLog();
  assertEquals(log.splice(0), []);
  const late = topology.initRam("late", 0x1000, { blockId: 3, ramAddr: 0x2000n });
  system.addSubregion(0x8000, late);
  assertEquals(late.dirtyLogMask, 4);
  ram.setLog(true, 2); // a user of its own
  topology.registerListener(recorder("C", 2, log), memory);
  assertEquals(log.filter((line) => line.startsWith("C")).slice(0, 4), [
    ...["C begin", "C globalStart", "C add ram@0+1000", "C logStart ram@0+1000 0>4"],
  ]);
  topology.stopGlobalLog();
  log.length = 0;
  topology.stopGlobalLog();
  assertEquals(log.filter((line) => isOfLog(line) && line.startsWith("A")), [
    ...["A logStop rom@2000+1000 4>0", "A logStop late@8000+1000 4>0", "A globalStop"],
  ]);
  assertEquals(log.slice(-3), ["C globalStop", "B globalStop", "A globalStop"]);
  const error = assertThrows(() => topology.stopGlobalLog(), FlatViewError, "nobody logs them");
  assertEquals(error.code, "NOT_LOGGING");
});

Deno.test("a transaction that fails takes the logging of all memory back", () => {
  const { topology, ram, log } = setUp();
  const fail = (change: () => void) =>
    assertThrows(() =>
      topology.transaction(() => {
        change();
        throw new Error("planted");
      })
    );
  fail(() => topology.startGlobalLog());
  assertEquals(log.splice(0), ["A globalStart", "B globalStart", "B globalStop", "A globalStop"]);
  assertEquals(ram.dirtyLogMask, 0);
  topology.startGlobalLog();
  log.length = 0;
  fail(() => topology.stopGlobalLog());
  topology.transaction(() => {
    topology.stopGlobalLog();
    topology.startGlobalLog();
  });
  assertEquals([log.filter(isOfLog), ram.dirtyLogMask], [[], 4]);
});

Deno.test("a dirty log is brought up to date, and cleared, range by range where it is logged", () => {
  const { topology, ram, rom, log } = setUp();
  topology.syncDirtyLog();
  assertEquals(log, []);
  ram.setLog(true, 0);
  rom.setLog(true, 2);
  log.length = 0;
  topology.syncDirtyLog(ram);
  assertEquals(log.splice(0), [
    ...["A sync ram@0+1000", "A sync ram@4000+800", "B sync ram@0+1000", "B sync ram@4000+800"],
  ]);
  topology.syncDirtyLog();
  assertEquals(log.splice(0).filter((line) => line.startsWith("A")), [
    ...["A sync ram@0+1000", "A sync rom@2000+1000", "A sync ram@4000+800"],
  ]);
  topology.clearDirtyLog(ram, 0x300, 0x200);
  assertEquals(log.splice(0).filter((line) => line.startsWith("A")), [
    ...["A clear ram@300+200 from 300", "A clear ram@4000+100 from 400"],
  ]);
  topology.clearDirtyLog(ram, 0xc00, 1n << 60n);
  assertEquals(log.splice(0).filter((line) => line.startsWith("A")), [
    "A clear ram@c00+400 from c00",
  ]);
});

Deno.test("a listener that fails to bring its log up to date stops no other", () => {
  const { topology, memory, ram, log } = setUp();
  topology.registerListener({
    priority: -1,
    logSync() {
      throw new Error("planted");
    },
  }, memory);
  ram.setLog(true, 0);
  log.length = 0;
  const { errors } = assertThrows(() => topology.syncDirtyLog(ram), ListenerError);
  assertEquals([errors.length, log.length], [2, 4]);
});
