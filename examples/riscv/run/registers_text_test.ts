import { assertEquals } from "@std/assert";
import { Hart, hartAreaSize } from "../hart/hart.ts";
import { registersText } from "./registers_text.ts";

Deno.test("registers are printed as QEMU 7.2 prints them", () => {
  const pages = Math.ceil(hartAreaSize(1) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const parts = { memory, area: 0, decodedPages: 1, id: 3, resolve: () => 0, time: () => 0 };
  const hart = new Hart(parts);
  hart.set("pc", 0x1000n);
  hart.setX(2, 0xffffffff80000000n);
  hart.setF(31, 1n);
  hart.setLines(0x80, true);
  const lines = registersText(3, hart).split("\n");
  assertEquals(lines.slice(0, 6), [
    "",
    "CPU#3",
    " pc       0000000000001000",
    " mhartid  0000000000000003",
    " mstatus  0000000a00000000",
    " mip      0000000000000080",
  ]);
  assertEquals(lines.slice(20, 22), [
    " x0/zero  0000000000000000 x1/ra    0000000000000000 x2/sp    ffffffff80000000 x3/gp    0000000000000000",
    " x4/tp    0000000000000000 x5/t0    0000000000000000 x6/t1    0000000000000000 x7/t2    0000000000000000",
  ]);
  assertEquals(
    lines.at(-1),
    " f28/ft8  0000000000000000 f29/ft9  0000000000000000 f30/ft10 0000000000000000 f31/ft11 0000000000000001",
  );
});
