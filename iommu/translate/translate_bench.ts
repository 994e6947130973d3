/**
 * Translations, compared with what a user could use instead: a `Map` by page, which no other worker
 * sees. An iteration is 1,000 translations in one section, so microseconds per iteration read as
 * nanoseconds per translation.
 *
 *     deno task bench iommu/translate/translate_bench.ts -- table    # or vtd, riscv
 *
 * One kind a process: code that has seen several is compiled for all of them and is slower.
 */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import { VtdWalker } from "../walker/vtd_walker.ts";
import { IommuReader } from "./iommu_reader.ts";
import type { IommuTranslator } from "./iommu_translator.ts";

const COUNT = 1000;
const PAGES = 256;
/** Twice the pages: neighbours then have different slots. */
const IOTLB_ENTRIES = 512;

const arena = Arena.create({ bytes: 8 << 20 });
const domain = RcuDomain.create(arena);
const reader = domain.register();
const entry = new IotlbEntry();
const kind = Deno.args[0] ?? "table";

/** Translators for a region whose first 256 pages are mapped one by one. */
function createTranslators(): { hits: IommuTranslator; walks: IommuTranslator } {
  if (kind === "table") {
    const iommu = new TableIommu({ arena, domain });
    const table = iommu.createTable();
    const region = iommu.createRegion({ name: "device" });
    region.bind(0, table.id);
    for (let page = 0; page < PAGES; page++) table.map(page * 4096, 4096, (page ^ 1) * 4096, 3);
    const translator = (iotlbEntries: number) =>
      new IommuReader(arena, reader, iommu.handle, { iotlbEntries }).translator(region.handle);
    return { hits: translator(IOTLB_ENTRIES), walks: translator(1) };
  }
  const { ram, root, walker } = kind === "vtd" ? vtdTables() : riscvTables();
  const iommu = new GuestIommu({ arena, domain, walker: walker(ram) });
  iommu.setRoot(root);
  const { handle } = iommu.createRegion({ name: "device" });
  const translator = (iotlbEntries: number) =>
    new IommuReader(arena, reader, iommu.handle, { iotlbEntries })
      .translator(handle, walker(ram));
  return { hits: translator(IOTLB_ENTRIES), walks: translator(1) };
}

/** Four levels, 48 bits. */
function vtdTables() {
  const ram = new GuestRam(16);
  ram.set(0, 0, ram.at(1) | 1n);
  ram.set(1, 0, ram.at(2) | 1n);
  ram.set(1, 1, 2n | (5n << 8n));
  for (let level = 2; level < 5; level++) ram.set(level, 0, ram.at(level + 1) | 3n);
  for (let page = 0; page < PAGES; page++) ram.set(5, page, (BigInt(page ^ 1) << 12n) | 3n);
  const walker = (of: GuestRam) => new VtdWalker({ memory: of.window() });
  return { ram, root: 1n, walker };
}

/** Three levels, 39 bits. */
function riscvTables() {
  const ram = new GuestRam(16);
  for (let level = 0; level < 2; level++) ram.set(level, 0, (ram.at(level + 1) >> 2n) | 1n);
  for (let page = 0; page < PAGES; page++) ram.set(2, page, (BigInt(page ^ 1) << 10n) | 0xd7n);
  const walker = (of: GuestRam) => new RiscvWalker({ memory: of.window() });
  return { ram, root: 8n << 60n, walker };
}

const { hits, walks } = createTranslators();
const map = new Map<number, number>();
for (let page = 0; page < PAGES; page++) map.set(page, page ^ 1);
const addresses = Float64Array.from(
  { length: COUNT },
  (_, i) => (i * 7919 % PAGES) * 4096 + i % 4096,
);

let sink = 0;

/** Registers one variant. */
function bench(name: string, run: () => number, baseline = false): void {
  Deno.bench({
    name,
    group: `translate, ${kind}`,
    baseline,
    fn: () => {
      sink += run();
    },
  });
}

bench("Map by page", () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) {
    const address = addresses[i]!;
    const page = Math.floor(address / 4096);
    sum += map.get(page)! * 4096 + (address - page * 4096);
  }
  return sum;
}, true);

for (
  const [name, translator] of [["IOTLB hit", hits], ["walk, and into the IOTLB", walks]] as const
) {
  bench(name, () => {
    const guard = reader.lock();
    let sum = 0;
    for (let i = 0; i < COUNT; i++) {
      if (translator.translate(addresses[i]!, 1, 0, entry)) sum += entry.addressOf(addresses[i]!);
    }
    guard.unlock();
    return sum;
  });
}

if (Number.isNaN(sink)) throw new Error("unreachable");
