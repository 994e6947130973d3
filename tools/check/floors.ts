/**
 * Checks the floors of each package: an import points down, types included.
 *
 * @module
 */

import { importGraph } from "../lib/import_graph.ts";
import { isTestOnly, topOf, type Tree } from "../lib/tree.ts";

/**
 * The folders of each package from the lowest floor up. A folder in a folder belongs to the floor of
 * the outer one, unless it is named itself. The modules right in a package's folder are its doors, on
 * top of all floors.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  rcu: ["layout", "errors", "kernel", "arena", "sync", "grace_period", "domain", "srcu", "data"],
  physmap: ["errors", "kernel", "address", "versions", "lookup", "dump"],
  ramblock: ["errors", "kernel", "address", "windows", "dirty", "blocks", "memslots"],
  flatview: [
    ...["errors", "region", "render", "view", "topology"],
    ...["access/device", "access/mmio", "access", "vcpu", "vm", "mtree", "machine"],
  ],
  iommu: [
    ...["errors", "kernel", "addresses", "faults", "iotlb", "handles", "resources", "notify"],
    ...["table", "walker", "translate", "region", "unit"],
  ],
  examples: [
    "lib",
    "guestmem",
    "portable",
    "learn",
    "patches",
    "demo",
    "torture",
    "soak",
    "fit",
    "riscv",
  ],
  tools: [
    ...["lib", "offline", "testing", "explorer", "mutants", "kernel", "fuzz", "soak", "riscv_node"],
    ...["browser", "npm", "guides", "check"],
  ],
};

/** The height of a module in its package's floors: doors are on top, -1 is on none of them. */
function heightOf(path: string, floors: readonly string[]): number {
  let folder = path.slice(topOf(path).length + 1);
  if (!folder.includes("/")) return floors.length;
  while (folder.includes("/")) {
    folder = folder.slice(0, folder.lastIndexOf("/"));
    if (floors.includes(folder)) return floors.indexOf(folder);
  }
  return -1;
}

/**
 * A line for each import that points up, for each folder that has no floor, and for each floor that has
 * no folder. Tests may import from any floor.
 *
 * @param packages The floors of each package.
 */
export function checkFloors(tree: Tree, packages = FLOORS): string[] {
  const problems = new Set<string>();
  for (const [member, floors] of Object.entries(packages)) {
    for (const floor of floors) {
      if (![...tree.keys()].some((path) => path.startsWith(`${member}/${floor}/`))) {
        problems.add(`${member}/${floor}: is a floor without a folder`);
      }
    }
  }
  for (const [from, edges] of importGraph(tree)) {
    const floors = packages[topOf(from)];
    if (floors === undefined || isTestOnly(from)) continue;
    const height = heightOf(from, floors);
    if (height < 0) problems.add(`${from.slice(0, from.lastIndexOf("/"))}: has no floor`);
    for (const { to } of edges) {
      if (topOf(to) === topOf(from) && heightOf(to, floors) > height && height >= 0) {
        problems.add(`${from}: imports ${to}, which is on a higher floor`);
      }
    }
  }
  return [...problems];
}
