import { assert, assertEquals, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { UseAfterFreeError } from "../errors/specific_errors.ts";
import { LIMBO } from "../kernel/heap/layouts.ts";
import { Arena, coreOf } from "./arena.ts";
import { CANARY, POISON } from "./block.ts";

const debugArena = () => Arena.create({ bytes: 1 << 20, label: "maker", debug: true });

Deno.test("a read after free names the block, who allocated it and who freed it", () => {
  const maker = debugArena();
  const freer = Arena.attach(maker.handle, { label: "freer" });
  assert(freer.debug);
  const block = maker.allocate(40);
  maker.checked.storeU32(block + 8, 7);
  assertEquals(freer.checked.loadU32(block + 8), 7);
  freer.free(block);
  assertEquals(maker.u32[block / 4 + 2], POISON);
  const error = assertThrows(() => maker.checked.loadU32(block + 8), UseAfterFreeError);
  assertEquals(error.details.offset, block + 8);
  assertEquals(error.details.access, "load");
  assertEquals(error.details.history, {
    block,
    size: 40,
    state: "quarantined",
    serial: 0,
    allocatedBy: { token: maker.token, label: "maker" },
    freedBy: { token: freer.token, label: "freer" },
  });
  assert(error.message.includes('"maker" (context 1) allocated and "freer" (context 2) freed'));
  assertThrows(() => maker.checked.storeU8(block, 1), UseAfterFreeError, "store");
});

Deno.test("the history survives the quarantine, and the release of the page", () => {
  const arena = debugArena();
  const [first, second] = [arena.allocate(40), arena.allocate(40)];
  arena.free(first);
  arena.free(second);
  const filler = arena.allocate(40);
  // Push both out of the quarantine, which holds a sixteenth of the arena.
  for (let count = 0; count < 40; count++) arena.free(arena.allocate(4096));
  const error = assertThrows(() => arena.checked.loadI32(second), UseAfterFreeError);
  assertEquals([error.details.history.block, error.details.history.size], [second, 40]);
  assertEquals(error.details.history.state, "free");
  assertEquals(assertThrows(() => arena.free(second), RcuError).code, "DOUBLE_FREE");
  arena.free(filler);
  arena.checkHeap();
});

Deno.test("a deferred block may still be read, and is poisoned once it is reclaimed", () => {
  const arena = debugArena();
  const core = coreOf(arena);
  const limbo = arena.allocate(LIMBO.size);
  const block = arena.allocate(64);
  arena.checked.storeF64(block, 2.5);
  core.defer(limbo, block, 3);
  assertEquals(arena.checked.loadF64(block), 2.5);
  assertEquals(core.reclaim(limbo, 2), { freed: 0, left: 1, busy: false });
  assertEquals(core.reclaim(limbo, 3), { freed: 1, left: 0, busy: false });
  const error = assertThrows(() => arena.checked.loadF64(block), UseAfterFreeError);
  assertEquals(error.details.history.freedBy.label, "maker");
});

Deno.test("an access that runs over a block's end, or lies in none", () => {
  const arena = debugArena();
  const block = arena.allocate(10);
  assertEquals(arena.checked.loadU8(block + 9), 0);
  const error = assertThrows(() => arena.checked.loadU32(block + 8), RcuError);
  assertEquals([error.details["bytes"], error.details["block"].block], [4, block]);
  for (const offset of [block - 1, block + 10]) {
    assertThrows(
      () => arena.checked.loadU8(offset),
      RcuError,
      offset < block ? "no block" : "has 10",
    );
  }
  for (const offset of [0, arena.u8.length, -1, 0.5, NaN, block + 4096]) {
    assertThrows(() => arena.checked.loadU8(offset), RcuError, "no block lies there");
  }
  assertThrows(() => arena.checked.history(0), RcuError, "outside");
});

Deno.test("checked loads and stores of each width", () => {
  const arena = debugArena();
  const block = arena.allocate(32);
  arena.checked.storeU8(block, 200);
  arena.checked.storeI32(block + 4, -5);
  arena.checked.storeU32(block + 8, 0xffffffff);
  arena.checked.storeF64(block + 16, Math.PI);
  assertEquals(arena.checked.loadU8(block), 200);
  assertEquals(arena.checked.loadI32(block + 4), -5);
  assertEquals(arena.checked.loadU32(block + 4), 0xfffffffb);
  assertEquals(arena.checked.loadU32(block + 8), 0xffffffff);
  assertEquals(arena.checked.loadF64(block + 16), Math.PI);
});

Deno.test("a write past the end is found when the block is freed, deferred or checked", () => {
  const arena = debugArena();
  const core = coreOf(arena);
  const limbo = arena.allocate(LIMBO.size);
  const block = arena.allocate(13);
  arena.u8[block + 13] = 0;
  const before = arena.stats();
  for (const act of [() => arena.free(block), () => core.defer(limbo, block, 2)]) {
    const error = assertThrows(act, RcuError, '"maker"');
    assertEquals([error.details["offset"], error.details["history"].block], [block + 13, block]);
  }
  assertEquals(assertThrows(() => arena.checkHeap(), RcuError).code, "CANARY_OVERWRITTEN");
  assertEquals(arena.stats(), before);
  arena.u8[block + 13] = CANARY;
  arena.checkHeap();
  arena.free(block);
});

Deno.test("a write after free is found by a check, and once when the block leaves the quarantine", () => {
  const arena = debugArena();
  const victim = arena.allocate(64);
  arena.free(victim);
  arena.u32[victim / 4 + 1] = 5; // planted
  const found = assertThrows(() => arena.checkHeap(), UseAfterFreeError, "earlier store");
  assertEquals([found.details.offset, found.details.history.block], [victim + 4, victim]);
  const blocks: number[] = [];
  for (let count = 0; count < 20; count++) blocks.push(arena.allocate(4096));
  const errors: unknown[] = [];
  for (const block of blocks) {
    try {
      arena.free(block);
    } catch (error) {
      errors.push(error);
      arena.free(block); // nothing was done before
    }
  }
  assertEquals(errors.length, 1);
  assert(errors[0] instanceof UseAfterFreeError);
  assertEquals(errors[0].details.history.block, victim);
  arena.checkHeap();
});

Deno.test("the quarantine is bounded, and is given up before the arena is called exhausted", () => {
  const arena = debugArena();
  const { heapBytes } = arena.stats();
  for (let count = 0; count < 100; count++) {
    arena.free(arena.allocate(4096));
    assert(arena.stats().quarantinedBytes <= arena.u8.length / 16);
  }
  assert(arena.stats().quarantinedBytes > 0);
  const whole = arena.allocate(heapBytes - 2048);
  assertEquals(arena.stats().quarantinedBytes, 0);
  arena.free(whole); // larger than the quarantine: still held, alone
  arena.checkHeap();
  arena.free(arena.allocate(heapBytes - 2048));
});

Deno.test("a freed block is not handed out again while it is in quarantine", () => {
  const arena = debugArena();
  const block = arena.allocate(64);
  arena.free(block);
  for (let count = 0; count < 50; count++) assert(arena.allocate(64) !== block);
});
