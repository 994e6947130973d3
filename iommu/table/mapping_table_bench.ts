/**
 * Mapping and unmapping, compared with a `Map` by page, which no other worker sees and which waits for
 * no reader. One iteration maps and unmaps a range once; each unmapping waits for a grace period (one
 * idle reader).
 *
 *     deno task bench iommu/table/mapping_table_bench.ts
 */

import { Arena, RcuDomain } from "@guestmem/rcu";
import { TableIommu } from "../unit/table_iommu.ts";

const arena = Arena.create({ bytes: 64 << 20 });
const domain = RcuDomain.create(arena);
domain.register();
const table = new TableIommu({ arena, domain }).createTable();
table.map(2 ** 40, 4096, 0, 3); // so that the upper nodes stay
const map = new Map<number, { target: number; perm: number }>();

for (
  const [name, pages] of [["4 KiB", 1], ["64 KiB", 16], ["2 MiB", 512], [
    "1 GiB",
    512 * 512,
  ]] as const
) {
  const group = `map and unmap ${name}`;
  const first = 512 * 512;
  Deno.bench({
    name: `Map by page, ${name}`,
    group,
    baseline: true,
    fn: () => {
      for (let page = first; page < first + pages; page++) map.set(page, { target: page, perm: 3 });
      for (let page = first; page < first + pages; page++) map.delete(page);
    },
  });
  Deno.bench({
    name: `MappingTable, ${name}`,
    group,
    fn: () => {
      table.map(first * 4096, pages * 4096, first * 4096, 3);
      table.unmap(first * 4096, pages * 4096);
    },
  });
}
