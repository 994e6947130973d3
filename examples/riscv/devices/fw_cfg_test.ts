import { assertEquals } from "@std/assert";
import { FwCfg } from "./fw_cfg.ts";

const files = new Map([
  ["opt/b", new TextEncoder().encode("beta")],
  ["opt/a", new TextEncoder().encode("alpha!")],
]);

function create() {
  const memory = new Uint8Array(4096);
  const device = new FwCfg(2, files, {
    read: (address, into) => {
      if (address + BigInt(into.length) > 4096n) return false;
      into.set(memory.subarray(Number(address), Number(address) + into.length));
      return true;
    },
    write: (address, from) => {
      if (address + BigInt(from.length) > 4096n) return false;
      memory.set(from, Number(address));
      return true;
    },
  });
  return {
    memory,
    select: (key: number) => device.control.write!(0, key, 2, {}, 0),
    read: (size: number) => device.data.read!(0, size, {}),
    dma: (offset: number, size: number, value: bigint) =>
      device.dma.write!(offset, Number(value & 0xffffffffn), size, {}, Number(value >> 32n)),
    signature: (offset: number, size: number) => device.dma.read!(offset, size, {}),
  };
}

/** Puts a descriptor at address 16. */
function describe(memory: Uint8Array, control: number, length: number, address: bigint): void {
  const view = new DataView(memory.buffer);
  view.setUint32(16, control);
  view.setUint32(20, length);
  view.setBigUint64(24, address);
}

Deno.test("items are read byte by byte, with zeros behind their end", () => {
  const it = create();
  it.select(0);
  assertEquals([it.read(4), it.read(1)], [0x51454d55n, 0n]); // "QEMU"
  it.select(1);
  assertEquals(it.read(4), 0x03000000n);
  it.select(5);
  assertEquals(it.read(2), 0x0200n);
  it.select(0x7fff);
  assertEquals(it.read(8), 0n);
});

Deno.test("the directory names the files in order, and where they are", () => {
  const it = create();
  it.select(0x19);
  assertEquals(it.read(4), 2n);
  const entry = () => {
    const [size, key] = [Number(it.read(4)), Number(it.read(2))];
    it.read(2);
    const name = Array.from({ length: 56 }, () => Number(it.read(1)));
    return [size, key, new TextDecoder().decode(Uint8Array.from(name)).replaceAll("\0", "")];
  };
  assertEquals([entry(), entry()], [[6, 0x20, "opt/a"], [4, 0x21, "opt/b"]]);
  it.select(0x21);
  assertEquals(it.read(4), BigInt(0x62657461));
});

Deno.test("DMA selects, skips and reads into guest memory", () => {
  const it = create();
  assertEquals([it.signature(0, 8), it.signature(4, 4)], [0x51454d5520434647n, 0x20434647n]);
  describe(it.memory, 0x20 << 16 | 8 | 2, 3, 256n);
  it.dma(0, 8, 16n);
  assertEquals(new TextDecoder().decode(it.memory.subarray(256, 259)), "alp");
  describe(it.memory, 4, 1, 0n);
  it.dma(0, 4, 0n); // by halves
  it.dma(4, 4, 16n);
  describe(it.memory, 2, 4, 512n);
  it.dma(0, 8, 16n);
  assertEquals(new TextDecoder().decode(it.memory.subarray(512, 516)), "a!\0\0");
  assertEquals(new DataView(it.memory.buffer).getUint32(16), 0);
});

Deno.test("DMA to where nothing answers, and a write to an item, are errors", () => {
  const it = create();
  for (const [control, address] of [[0x20 << 16 | 8 | 2, 2n ** 40n], [16, 256n]] as const) {
    describe(it.memory, control, 4, address);
    it.dma(0, 8, 16n);
    assertEquals(new DataView(it.memory.buffer).getUint32(16), 1);
  }
});
