import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { IommuError } from "../errors/iommu_error.ts";
import { type Access, IommuFault } from "../faults/iommu_fault.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { type Outcome, slowRiscv, slowVtd } from "../testdata/slow_walks.ts";
import type { GuestTableWalker } from "./guest_table_walker.ts";
import { RiscvWalker } from "./riscv_walker.ts";
import { VtdWalker } from "./vtd_walker.ts";

const PAGES = 32;
const BASE = 0x4000_0000; // so that small numbers lead out of RAM

const entry = new IotlbEntry();
const fault = new IommuFault();

/** A walk in the words of the models. */
function walk(
  walker: GuestTableWalker,
  root: bigint,
  source: number,
  address: bigint,
  access: number,
): Outcome {
  const low = Number(root & 0xffff_ffffn);
  const high = Number(root >> 32n);
  const page = Number(address >> 12n);
  const level = walker.walk(low, high, source, page, access as Access, entry, fault);
  if (level < 0) {
    const at = Number.isNaN(fault.entryAddress) ? null : BigInt(fault.entryAddress);
    return { fault: fault.kind, entry: at };
  }
  assertEquals(entry.addrMask, [0xfff, 0x1f_ffff, 0x3fff_ffff][level]);
  const offset = address - BigInt(entry.iova);
  return {
    address: BigInt(entry.translated) + offset,
    mask: BigInt(entry.addrMask),
    perm: entry.perm,
  };
}

/** A stream of numbers from a seed: tables of some thousand words are too much for an arbitrary. */
function random(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Fills RAM with words that mostly look like entries, and sometimes have a bit wrong. */
function fill(
  ram: GuestRam,
  next: (below: number) => number,
  word: (page: bigint) => bigint,
): void {
  for (let at = 0; at < ram.words.length; at++) {
    const far = next(40) === 0;
    const page = far
      ? BigInt(next(2 ** 31)) << BigInt(next(21))
      : BigInt(BASE / 4096 + next(PAGES));
    const value = next(25) === 0 ? 0n : word(page);
    ram.words[at] = next(30) === 0 ? value ^ (1n << BigInt(next(64))) : value;
  }
}

Deno.test("VT-d: walks of random tables agree with the rules one by one (IOMMU-G7)", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.constantFrom(39, 46, 52), (seed, hostAddressBits) => {
      const ram = new GuestRam(PAGES, BASE);
      const next = random(seed);
      fill(ram, next, (page) => {
        const perm = BigInt(next(8) === 0 ? next(4) : 3);
        const large = next(4) === 0 ? 0x80n | ((page >> 9n) << 21n) : page << 12n;
        return large | perm;
      });
      // Page 0 is the root table, page 1 a context table; context entries of every type and width.
      for (let slot = 0; slot < 512; slot += 2) {
        ram.set(0, slot, ram.at(1) | BigInt(next(20) === 0 ? next(16) : 1));
        ram.set(0, slot + 1, next(40) === 0 ? 1n << BigInt(next(64)) : 0n);
        const table = ram.at(2 + next(PAGES - 2));
        ram.set(1, slot, table | BigInt(next(10) === 0 ? next(32) : 1));
        ram.set(
          1,
          slot + 1,
          BigInt(1 + next(next(8) === 0 ? 8 : 3)) | (BigInt(next(2 ** 16)) << 8n),
        );
        if (next(30) === 0) ram.words[512 + slot + 1]! ^= 1n << BigInt(next(64));
      }
      const walker = new VtdWalker({ memory: ram.window(), hostAddressBits });
      for (let i = 0; i < 300; i++) {
        const root = next(60) === 0 ? BigInt(next(4096)) : ram.at(0) | 1n;
        const source = next(2 ** 16);
        const width = [39, 48, 57][next(3)]! + (next(20) === 0 ? 3 : 0);
        const address = BigInt(next(2 ** 32)) * BigInt(next(2 ** 32)) % (1n << BigInt(width));
        const access = next(4);
        const expected = slowVtd(ram.load, root, source, address, access, hostAddressBits);
        assertEquals(
          walk(walker, root, source, address, access),
          expected,
          `at 0x${address.toString(16)}`,
        );
        seen.add("fault" in expected ? expected.fault : `mask ${expected.mask}`);
      }
    }),
    { seed: 1, numRuns: 40 },
  );
  const kinds = ["modeReserved", "rootNotPresent", "rootReserved", "contextNotPresent"]
    .concat("contextReserved", "contextInvalid", "addressTooWide", "entryNotPresent")
    .concat("readDenied", "writeDenied", "entryReserved", "tableOutsideMemory")
    .concat("mask 4095", "mask 2097151", "mask 1073741823");
  assertEquals([...seen].sort(), kinds.sort(), "every outcome was met");
});

Deno.test("RISC-V: walks of random tables agree with the rules one by one (IOMMU-G7)", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.boolean(), (seed, user) => {
      const ram = new GuestRam(PAGES, BASE);
      const next = random(seed);
      fill(ram, next, (page) => {
        if (next(3) > 0) return (page << 10n) | 1n; // a pointer
        const flags = next(4) === 0 ? next(256) : 0xc7 | next(16) | (user ? 0x10 : 0);
        const aligned = next(3) === 0
          ? page
          : next(2) === 0
          ? (page >> 9n) << 9n
          : (page >> 18n) << 18n;
        return (aligned << 10n) | BigInt(flags) | 1n;
      });
      const privilege = user ? "user" : "supervisor";
      const walker = new RiscvWalker({ memory: ram.window(), privilege });
      for (let i = 0; i < 300; i++) {
        const mode = next(20) === 0 ? BigInt(next(16)) : BigInt(8 + next(2));
        const root = (mode << 60n) | (BigInt(next(2 ** 16)) << 44n) | (ram.at(next(PAGES)) >> 12n);
        const width = mode === 8n ? 38n : 47n;
        const magnitude = BigInt(next(2 ** 32)) * BigInt(next(2 ** 32)) % (1n << width);
        const address = next(10) === 0
          ? BigInt(next(2 ** 32)) << 32n
          : BigInt.asUintN(64, next(2) === 0 ? magnitude : -1n - magnitude);
        const access = next(4);
        const expected = slowRiscv(ram.load, root, address, access, user);
        assertEquals(
          walk(walker, root, 0, address, access),
          expected,
          `at 0x${address.toString(16)}`,
        );
        seen.add("fault" in expected ? expected.fault : `mask ${expected.mask}`);
      }
    }),
    { seed: 1, numRuns: 60 },
  );
  const kinds = ["modeReserved", "nonCanonical", "entryNotPresent", "writeWithoutRead", "noLeaf"]
    .concat("entryReserved", "privilege", "readDenied", "writeDenied", "misalignedSuperpage")
    .concat("accessedClear", "dirtyClear", "tableOutsideMemory")
    .concat("mask 4095", "mask 2097151", "mask 1073741823");
  assertEquals([...seen].sort(), kinds.sort(), "every outcome was met");
});

Deno.test("what is listed is what walks find", () => {
  const ram = new GuestRam(PAGES, BASE);
  const next = random(7);
  for (let table = 0; table < 4; table++) {
    for (let i = 0; i < 6; i++) {
      const page = table < 3 && next(2) === 0
        ? ram.at(table + 1) >> 12n
        : BigInt(next(1000)) << 18n;
      const leaf = page >= BigInt(BASE / 4096) && page < BigInt(BASE / 4096 + PAGES)
        ? 0x01n
        : 0xd7n;
      ram.set(table, next(8) * 73, (page << 10n) | leaf);
    }
  }
  const walker = new RiscvWalker({ memory: ram.window() });
  const root = (9n << 60n) | (ram.at(0) >> 12n);
  const runs = walker.list(
    Number(root & 0xffff_ffffn),
    Number(root >> 32n),
    0,
    0,
    2 ** 52 - 1,
    fault,
  );
  assert(runs.length > 10, `${runs.length} runs`);
  assert(runs.some(({ first }) => first > 2 ** 51), "the upper half is listed");
  for (const [at, run] of runs.entries()) {
    for (const page of [run.first - 1, run.first, run.last, run.last + 1]) {
      if (page < 0 || page >= 2 ** 52) continue;
      const there = runs.find(({ first, last }) => first <= page && page <= last);
      const found = walk(walker, root, 0, BigInt(page) << 12n, 0);
      if (!there) assert("fault" in found, `run ${at}`);
      else {assertEquals(
          "address" in found && found.address >> 12n,
          BigInt(there.target + page - there.first),
        );}
    }
  }
});

Deno.test("tables that lead back into themselves are listed up to a limit", () => {
  const ram = new GuestRam(16, BASE);
  for (let slot = 0; slot < 512; slot++) ram.set(0, slot, (ram.at(0) >> 2n) | 1n);
  const walker = new RiscvWalker({ memory: ram.window(), listLimit: 10_000 });
  const root = (9n << 60n) | (ram.at(0) >> 12n);
  const list = () =>
    walker.list(Number(root & 0xffff_ffffn), Number(root >> 32n), 0, 0, 2 ** 52 - 1, fault);
  const error = assertThrows(list, IommuError, "more than 10000 entries");
  assertEquals(error.code, "MAPPING_LIMIT");
});

Deno.test("address widths that no machine has are refused", () => {
  const memory = new GuestRam(1).window();
  assertThrows(() => new VtdWalker({ memory, hostAddressBits: 53 }), RangeError, "36 to 52");
  assertThrows(() => new VtdWalker({ memory, hostAddressBits: 35 }), RangeError, "36 to 52");
});
