/**
 * The two remedies for the MRU race (`explore/mru_protocols.ts`) against each other: what the tag costs
 * a lookup, and what the second grace period costs whoever frees a block. The kernel's part for blocks
 * is compiled once more with the tag taken out of `findBlock`.
 */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { constantsOf } from "#tools/kernel/constants.ts";
import asc from "assemblyscript/asc";
import { coreOf, GuestRam } from "./guest_ram.ts";
import { RamList } from "./ram_list.ts";
import * as layouts from "../kernel/layouts.ts";

const source = await Deno.readTextFile(new URL("../kernel/blocks.as.ts", import.meta.url));

const constants = constantsOf(layouts);

/** The kernel with these replacements, over a memory. */
async function variant(memory: WebAssembly.Memory, changes: [string, string][]) {
  let text = source;
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`Cannot change the kernel: it has no "${from}"`);
    text = text.replace(from, to);
  }
  let binary = new Uint8Array();
  const { error, stderr } = await asc.main([
    "blocks.as.ts",
    ...["--runtime", "stub", "--noAssert", "--optimizeLevel", "3", "--shrinkLevel", "0"],
    ...["--enable", "threads", "--importMemory", "--sharedMemory"],
    ...[
      "--initialMemory",
      "1",
      "--maximumMemory",
      "65536",
      "--use",
      "abort=",
      "--outFile",
      "k.wasm",
    ],
  ], {
    readFile: (name: string) => ({ "blocks.as.ts": text, "layouts.ts": constants })[name] ?? null,
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === "k.wasm") binary = Uint8Array.from(contents as Uint8Array);
    },
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString());
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  return exports as unknown as { findBlock(ram: number, address: number): number };
}

const arena = Arena.create({ bytes: 1 << 20 });
const domain = RcuDomain.create(arena);
const ram = GuestRam.create(domain, { bytes: 1 << 24 });
new RamList(ram).addAnonymous({ name: "ram", length: 1 << 20 });
const at = ram.handle.offset;
const tagged = await variant(arena.memory, []);
const untagged = await variant(arena.memory, [[
  "if (u32(mru >>> 32) == version && recent != 0) {\n    if (holds(recent, BLOCK_OFFSET",
  "if (recent != 0) {\n    if (holds(recent, BLOCK_OFFSET",
], [
  "const version = atomic.load<u32>(ram, RAM_VERSION);\n  const mru = atomic.load<u64>(ram, RAM_MRU);\n" +
  "  const recent = usize(u32(mru));\n  if (recent",
  "const version: u32 = 0;\n  const mru = atomic.load<u64>(ram, RAM_MRU);\n" +
  "  const recent = usize(u32(mru));\n  if (recent",
]]);
coreOf(ram).kernel.findBlock(at, 100);

let sink = 0;
Deno.bench("hit, tag: version and MRU word (256)", { group: "hit" }, () => {
  for (let i = 0; i < 256; i++) sink += tagged.findBlock(at, i);
});
Deno.bench("hit, two grace periods: MRU word alone (256)", { group: "hit", baseline: true }, () => {
  for (let i = 0; i < 256; i++) sink += untagged.findBlock(at, i);
});

Deno.bench("free, tag: one grace period", { group: "free" }, () => domain.synchronize());
Deno.bench("free, two grace periods", { group: "free", baseline: true }, () => {
  domain.synchronize();
  domain.synchronize();
});
