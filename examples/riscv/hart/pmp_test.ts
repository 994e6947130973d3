import { assertEquals } from "@std/assert";
import { Random } from "../../lib/random.ts";
import { ALL, board, LD, NOP, readCsr, runAs, SD, writeCsr } from "./privileged_board.ts";
import { i, jal, RAM, s } from "./test_board.ts";

Deno.test("PMP: the first entry that matches decides; M obeys locked ones", () => {
  const it = board();
  const napot = (offset: number) => BigInt(RAM + offset) >> 2n | 0x1ffn;
  it.hart.setX(5, BigInt(RAM + 0x20000));
  writeCsr(it, 0x3b0, napot(0x20000));
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3a0, 0x1f19n);
  const run = (privilege: number, word: number) => {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + 0x20000));
    runAs(it, privilege, [word]);
    return it.hart.get("mcause");
  };
  assertEquals([run(1, LD), run(1, SD), run(3, SD)], [0n, 7n, 0n]);
  writeCsr(it, 0x3a0, 0x1f99n);
  assertEquals([run(3, LD), run(3, SD)], [0n, 7n]);
  writeCsr(it, 0x3a0, 0x1f1fn);
  assertEquals(run(3, SD), 7n, "a locked entry stays");
});

Deno.test("PMP: an entry of four bytes inside a page", () => {
  const it = board();
  writeCsr(it, 0x3b0, BigInt(RAM + 0x20010) >> 2n);
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3a0, 0x1f10n);
  for (const [offset, cause] of [[8, 0n], [16, 5n], [12, 5n], [20, 0n]] as const) {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + 0x20000));
    runAs(it, 1, [i(0x03, 3, 6, 5, offset)]);
    assertEquals(it.hart.get("mcause"), cause, String(offset));
  }
});

/** Entry 1 from the address of entry 0 on, then everything. Returns what runs an access and gives its cause. */
function topOfRange(first: number, end: number, configuration: bigint) {
  const it = board();
  writeCsr(it, 0x3b2, ALL);
  writeCsr(it, 0x3a0, 0x1f0000n);
  writeCsr(it, 0x3b0, BigInt(RAM + first) >> 2n);
  writeCsr(it, 0x3b1, BigInt(RAM + end) >> 2n);
  writeCsr(it, 0x3a0, 0x1f0000n | configuration << 8n);
  return (privilege: number, offset: number, word: number) => {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + offset) - 8n);
    runAs(it, privilege, [word]);
    return it.hart.get("mcause");
  };
}
const TOR_READ = 0x09n, LOCKED = 0x80n;

Deno.test("PMP: the top of a range begins where the entry before ends", () => {
  for (const [first, end] of [[0x20000, 0x21000], [0x20010, 0x20020]] as const) {
    const run = topOfRange(first, end, TOR_READ);
    assertEquals([run(1, first - 8, SD), run(1, first, SD), run(1, first, LD)], [0n, 7n, 0n]);
    assertEquals([run(1, end - 8, SD), run(1, end, SD), run(3, first, SD)], [7n, 0n, 0n]);
  }
});

Deno.test("PMP: a range whose top is not above its start has no bytes", () => {
  for (const end of [0x20000, 0x1f000]) {
    const run = topOfRange(0x20000, end, TOR_READ);
    assertEquals([run(1, 0x20000, SD), run(1, 0x1f000, SD), run(1, 0x1fff8, SD)], [0n, 0n, 0n]);
  }
});

Deno.test("PMP: the first entry's range starts at 0", () => {
  const it = board();
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3b0, BigInt(RAM + 0x20000) >> 2n);
  writeCsr(it, 0x3a0, 0x1f0dn);
  for (const [offset, cause] of [[0x1fff8, 7n], [0x20000, 0n]] as const) {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + offset) - 8n);
    runAs(it, 1, [SD]);
    assertEquals(it.hart.get("mcause"), cause);
  }
});

Deno.test("PMP: a store across pages of which one may not be stored to stores nothing", () => {
  const it = board();
  writeCsr(it, 0x3b1, ALL);
  writeCsr(it, 0x3b0, BigInt(RAM + 0x20000) >> 2n | 0x1ffn);
  writeCsr(it, 0x3a0, 0x1f19n);
  it.hart.setX(5, BigInt(RAM + 0x20000 - 12));
  it.hart.setX(7, ALL);
  runAs(it, 1, [SD]);
  assertEquals([it.hart.get("mcause"), it.view.getBigUint64(0x1fffc, true)], [7n, 0n]);
});

Deno.test("PMP: a locked range holds for M mode and keeps both of its ends", () => {
  const it = board();
  const [first, end] = [BigInt(RAM + 0x20000) >> 2n, BigInt(RAM + 0x21000) >> 2n];
  writeCsr(it, 0x3b2, ALL);
  writeCsr(it, 0x3a0, 0x1f0000n);
  writeCsr(it, 0x3b0, first);
  writeCsr(it, 0x3b1, end);
  const configuration = 0x1f0000n | (TOR_READ | LOCKED) << 8n;
  writeCsr(it, 0x3a0, configuration);
  writeCsr(it, 0x3a0, 0x1f0000n);
  writeCsr(it, 0x3b0, 0n);
  writeCsr(it, 0x3b1, 0n);
  assertEquals([0x3a0, 0x3b0, 0x3b1].map((number) => readCsr(it, number)), [
    configuration,
    first,
    end,
  ]);
  for (const [offset, word, cause] of [[0, SD, 7n], [0, LD, 0n], [0x1000, SD, 0n]] as const) {
    it.hart.set("mcause", 0n);
    it.hart.setX(5, BigInt(RAM + 0x20000 + offset) - 8n);
    runAs(it, 3, [word]);
    assertEquals(it.hart.get("mcause"), cause);
  }
});

Deno.test("PMP: a fetch from the middle of a page, also by the instruction before and by a near jump", () => {
  const cut = 0x20010;
  const programs: [string, number, number][] = [
    ["falls into it", 0x2000c, NOP],
    ["jumps into it", 0x20000, jal(0, 0x10)],
    ["has its second half there", 0x2000e, NOP],
  ];
  for (const [name, from, word] of programs) {
    const it = board();
    it.program(new Array(64).fill(NOP), 0x20000);
    it.view.setUint16(from, word & 0xffff, true);
    it.view.setUint16(from + 2, word >>> 16, true);
    writeCsr(it, 0x3b1, ALL);
    writeCsr(it, 0x3b0, BigInt(RAM + cut) >> 2n);
    writeCsr(it, 0x3a0, 0x1f13n); // 4 bytes that may be read and written
    it.hart.set("mcause", 0n);
    runAs(it, 1, [NOP, jal(0, from - 4), NOP, NOP]);
    assertEquals([it.hart.get("mcause"), it.hart.get("mtval")], [1n, BigInt(RAM + cut)], name);
    const stopped = name.startsWith("has") ? from : cut;
    assertEquals(it.hart.get("mepc"), BigInt(RAM + stopped), name);
  }
});

/** An entry of PMP: its configuration without lock, and its address register. */
interface Entry {
  readonly configuration: number;
  readonly address: bigint;
}

/** What the manual says of an access: the lowest entry that matches a byte decides, and must match all. */
function isAllowed(entries: readonly Entry[], from: bigint, size: bigint, bit: number): boolean {
  for (const [index, { configuration, address }] of entries.entries()) {
    const mode = configuration >> 3 & 3;
    let [first, end] = [address << 2n, address << 2n];
    if (mode === 1) first = index ? entries[index - 1]!.address << 2n : 0n;
    if (mode === 2) end = first + 4n;
    if (mode === 3) {
      let ones = 0n;
      while (address >> ones & 1n) ones++;
      first = address >> ones << ones << 2n;
      end = first + (8n << ones);
    }
    const matched = Array.from({ length: Number(size) }, (_, byte) => from + BigInt(byte))
      .filter((byte) => first <= byte && byte < end);
    if (mode === 0 || matched.length === 0) continue;
    return matched.length === Number(size) && (configuration & bit) !== 0;
  }
  return false;
}

Deno.test("PMP: random entries agree with the manual's rules", () => {
  const random = new Random(20261125, 0);
  for (let round = 0; round < 60; round++) {
    const it = board();
    const near = () => BigInt(RAM + 0x20000 + random.below(0x800) * 4) >> 2n;
    const entries: Entry[] = [
      // The page of the code, which S mode runs.
      { configuration: 0x1f, address: BigInt(RAM) >> 2n | 0x1ffn },
      ...Array.from({ length: 6 }, () => ({
        configuration: [0, 1, 3, 4, 5, 7][random.below(6)]! | random.below(4) << 3,
        address: near() | (1n << BigInt(random.below(9))) - 1n,
      })),
      { configuration: random.below(2) ? 0x1f : 0, address: ALL >> 10n },
    ];
    entries.forEach(({ address }, index) => writeCsr(it, 0x3b0 + index, address));
    const packed = entries.map((entry, index) => BigInt(entry.configuration) << BigInt(8 * index));
    writeCsr(it, 0x3a0, packed.reduce((a, b) => a | b));
    for (let access = 0; access < 100; access++) {
      const width = random.below(4), size = 1 << width, isStore = random.once(2);
      const page = random.below(2) * 4096, offset = random.below(4096 - size + 1);
      it.hart.setX(5, BigInt(RAM + 0x20000 + page + offset));
      it.hart.set("mcause", 0n);
      runAs(it, 1, [isStore ? s(0x23, width, 5, 0, 0) : i(0x03, width, 6, 5, 0)]);
      const allowed = isAllowed(entries, it.hart.x(5), BigInt(size), isStore ? 2 : 1);
      const refused = isStore ? 7n : 5n;
      assertEquals(it.hart.get("mcause"), allowed ? 0n : refused, `${round}, ${access}`);
    }
  }
});
