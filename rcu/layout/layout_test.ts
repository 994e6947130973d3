import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Field } from "./fields.ts";
import { aligned, array, bytes, CACHE_LINE, defineLayout, type FieldSpec } from "./layout.ts";

const memory = new SharedArrayBuffer(1024);
const u8 = new Uint8Array(memory);
const u16 = new Uint16Array(memory);
const u32 = new Uint32Array(memory);
const i32 = new Int32Array(memory);
const f64 = new Float64Array(memory);

Deno.test("a layout places its fields as C does", () => {
  const layout = defineLayout({
    magic: "u32",
    generation: "u64",
    name: bytes(5),
    half: "u16",
    rows: array("u32", 3),
    lock: aligned(CACHE_LINE, "u32"),
    last: "u8",
  });
  const offsets = Object.fromEntries(
    (["magic", "generation", "name", "half", "rows", "lock", "last"] as const)
      .map((name) => [name, layout[name].offset]),
  );
  assertEquals(offsets, {
    magic: 0,
    generation: 8,
    name: 16,
    half: 22,
    rows: 24,
    lock: 64,
    last: 68,
  });
  assertEquals([layout.size, layout.alignment], [128, 64]);
  assertEquals([layout.rows.size, layout.rows.length, layout.rows.at(100, 2)], [12, 3, 132]);
  assertEquals([layout.rows.index(100), layout.rows.index(100, 2)], [31, 33]);
  const { generation, half, lock, last } = layout;
  assertEquals([generation.index(64), half.index(64), lock.index(64), last.index(64)], [
    ...[18, 43, 32, 132],
  ]);
});

Deno.test("an accessor reads and writes the bytes that its offset names, and no others", () => {
  const layout = defineLayout({
    a: "u8",
    b: "u16",
    c: "u32",
    d: "i32",
    e: "u64",
    f: "f64",
    g: array("u16", 3),
    h: bytes(3),
  });
  const base = 256;
  u8.fill(0xee);
  layout.a.set(u8, base, 1);
  layout.b.set(u16, base, 0x0203);
  layout.c.set(u32, base, 0x8405_0607);
  layout.d.set(i32, base, -2);
  layout.e.set(u32, base, 2 ** 53 - 1);
  layout.f.set(f64, base, -0.5);
  layout.g.set(u16, base, 2, 77);
  layout.h.view(u8, base).fill(9);
  assertEquals(layout.a.get(u8, base), 1);
  assertEquals(layout.b.get(u16, base), 0x0203);
  assertEquals(layout.c.get(u32, base), 0x8405_0607);
  assertEquals(layout.d.get(i32, base), -2);
  assertEquals(layout.e.get(u32, base), 2 ** 53 - 1);
  assertEquals(layout.f.get(f64, base), -0.5);
  assertEquals(layout.g.get(u16, base, 2), 77);
  const data = new DataView(memory);
  assertEquals(data.getUint16(layout.b.at(base), true), 0x0203);
  assertEquals(data.getUint32(layout.c.at(base), true), 0x8405_0607);
  assertEquals(data.getBigUint64(layout.e.at(base), true), 2n ** 53n - 1n);
  assertEquals(data.getFloat64(layout.f.at(base), true), -0.5);
  assertEquals(u32[layout.c.index(base)], 0x8405_0607);
  // Alignment leaves a gap after the first byte; the elements that were not written are as before.
  assertEquals([u8[base - 1], u8[base + 1], u8[base + layout.size]], [0xee, 0xee, 0xee]);
  assertEquals(layout.g.get(u16, base, 1), 0xeeee);
});

Deno.test("64 bits are a number, a bigint or two halves", () => {
  const { word } = defineLayout({ word: "u64" });
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
      word.setBig(u32, 64, value);
      assertEquals(word.getBig(u32, 64), value);
      assertEquals(word.low(u32, 64), Number(value & 0xffff_ffffn));
      assertEquals(word.high(u32, 64), Number(value >> 32n));
      word.setHalves(u32, 64, Number(value & 0xffff_ffffn) | 0, Number(value >> 32n) | 0);
      assertEquals(word.getBig(u32, 64), value);
      if (value < 2n ** 53n) {
        assertEquals(word.get(u32, 64), Number(value));
        word.set(u32, 64, Number(value));
        assertEquals(word.getBig(u32, 64), value);
      }
    }),
    { seed: 1 },
  );
});

Deno.test("fields never overlap and are aligned", () => {
  /** A description with the alignment that it must result in. */
  interface Described {
    readonly spec: keyof typeof SIZES | FieldSpec<Field>;
    readonly alignment: number;
  }
  const SIZES = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8, f64: 8 } as const;
  const scalar = fc.constantFrom(...Object.keys(SIZES) as (keyof typeof SIZES)[]);
  const plain: fc.Arbitrary<Described> = fc.oneof(
    scalar.map((spec) => ({ spec, alignment: SIZES[spec] })),
    fc.integer({ min: 0, max: 9 }).map((count) => ({ spec: bytes(count), alignment: 1 })),
    fc.tuple(scalar, fc.integer({ min: 0, max: 5 })).map(([of, length]) => ({
      spec: array(of, length),
      alignment: SIZES[of],
    })),
  );
  const field = fc.oneof(
    plain,
    fc.tuple(fc.constantFrom(1, 2, 16, 64), plain).map(([alignment, inner]) => ({
      spec: aligned(alignment, inner.spec),
      alignment: Math.max(alignment, inner.alignment),
    })),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const specs = Object.fromEntries(fields.map(({ spec }, index) => [`field${index}`, spec]));
      const layout = defineLayout(specs) as ReturnType<typeof defineLayout>;
      let end = 0;
      for (const [index, { alignment }] of fields.entries()) {
        const { offset, size } = layout[`field${index}`] as Field;
        assertEquals(offset % alignment, 0);
        assertEquals(offset >= end && offset - end < alignment, true);
        end = offset + size;
      }
      assertEquals(layout.size >= end && layout.size - end < layout.alignment, true);
      assertEquals(layout.size % layout.alignment, 0);
    }),
    { seed: 1 },
  );
});

Deno.test("a layout refuses a name that is its own and an alignment that is no power of two", () => {
  assertThrows(
    () => defineLayout({ size: "u32" }),
    RangeError,
    'Cannot name a field of a layout "size": the layout itself has it',
  );
  assertThrows(
    () => defineLayout({ head: aligned(48, "u32") }),
    RangeError,
    "Cannot align a field to 48: it must be a power of two",
  );
});
