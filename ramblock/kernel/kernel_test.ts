/** The numbers that the kernel repeats. */

import { assert, assertEquals } from "@std/assert";
import { constants } from "#tools/model/mod.ts";
import { BLOCK, RAM } from "../blocks/layout.ts";
import { TABLE as DIRTY } from "../dirty/layout.ts";
import { OUTCOME, ROW, ROW_BYTES, SHADOW, SLOT_FLAG, TABLE } from "../memslots/layout.ts";

const source = await Deno.readTextFile(new URL("kernel.as.ts", import.meta.url));

Deno.test("the kernel's offsets are those of the layouts", () => {
  const expected: Record<string, number> = {
    LIST: RAM.LIST,
    VERSION: RAM.VERSION,
    MRU: RAM.MRU,
    DIRTY: RAM.DIRTY,
    CHUNK_BITS: RAM.CHUNK_BITS,
    BLOCK_OFFSET: BLOCK.OFFSET,
    BLOCK_MAX_LENGTH: BLOCK.MAX_LENGTH,
    BLOCK_USED_LENGTH: BLOCK.USED_LENGTH,
    BLOCK_HOST: BLOCK.HOST,
    TABLE_CHUNKS: DIRTY.CHUNKS,
    TABLE_ENTRIES: DIRTY.ENTRIES,
    SLOT_COUNT: TABLE.COUNT,
    SLOT_ROWS: TABLE.ROWS,
    ROW_BYTES,
    ROW_BASE: ROW.BASE,
    ROW_PAGES: ROW.PAGES,
    ROW_HOST: ROW.HOST,
    ROW_FLAGS: ROW.FLAGS,
    ROW_LOG: ROW.LOG,
    SHADOW_MASK: SHADOW.MASK,
    SHADOW_ENTRIES: SHADOW.ENTRIES,
  };
  assertEquals(Object.fromEntries(constants(source)), expected);
});

Deno.test("the kernel's flags and outcomes are those of the layouts", () => {
  const lines = source.matchAll(/^const ([A-Z_]+): (?:u32|f64) = (-?\d+);$/gm);
  const values = new Map([...lines].map(([, name, value]) => [name!, Number(value)]));
  for (const [name, value] of Object.entries({ ...SLOT_FLAG, ...OUTCOME })) {
    assert(values.has(name), name);
    assertEquals(values.get(name), value, name);
  }
});
