/**
 * Machines that print the ambiguities of real ones, imported again from what they print.
 *
 * The seeds are fixed, as in all tests. The search is a heuristic where several unknown facts hide one
 * another; if it missed an order that exists, the report would say that the views do not render as
 * printed.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Arena, RcuDomain } from "@guestmem/rcu";
import type { Dialect } from "../mtree/dialect.ts";
import { liveViews } from "../mtree/live_views.ts";
import { parseFlatViews } from "../mtree/parse_flat_views.ts";
import { printFlatViews } from "../mtree/print_flat_views.ts";
import { printTree } from "../mtree/print_tree.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { Topology } from "../topology/topology.ts";
import { compareViews } from "./compare_views.ts";
import { importMachine } from "./import_machine.ts";
import { printImportReport } from "./import_report.ts";
import { publishMachine } from "./publish_machine.ts";

const PAGE = 0x1000;

function newTopology(): Topology {
  const arena = Arena.create({ bytes: 1 << 22 });
  return new Topology({ arena, domain: RcuDomain.create(arena) });
}

/** The text without the lines of disabled regions, as `info mtree` prints it without `-D`. */
function withoutDisabled(tree: string): string {
  return tree.split("\n").filter((line) => !line.endsWith(" [disabled]")).join("\n");
}

/** Prints a topology, imports the text and checks that it renders the same. */
function assertImports(topology: Topology, dialect: Dialect, withDisabled = true): void {
  const whole = printTree(topology.addressSpaces, dialect).join("\n");
  const tree = withDisabled ? whole : withoutDisabled(whole);
  const flat = printFlatViews(liveViews(topology, true), dialect).join("\n");
  const views = parseFlatViews(flat);
  const { machine, report } = importMachine(tree, { views });
  const message = () => `${tree}\n${flat}\n${printImportReport(report).join("\n")}`;
  const arena = Arena.create({ bytes: 1 << 22 });
  const imported = publishMachine(machine, { arena, domain: RcuDomain.create(arena) });
  const { differences } = compareViews(liveViews(imported.topology, true), views);
  assertEquals(differences, [], message());
  assertEquals(report.exact, true, message());
  if (!withDisabled) return;
  assertEquals(printTree(imported.topology.addressSpaces, dialect).join("\n"), tree);
}

const dialect = fc.constantFrom<Dialect>("qemu-7.2", "qemu-11.1");

/** A device among others: small numbers, so that many overlap. */
const device = fc.record({
  name: fc.constantFrom("uart", "timer", "dma"),
  at: fc.nat(12),
  pages: fc.integer({ min: 1, max: 6 }),
  kind: fc.constantFrom("io", "io", "io", "ram"),
  prio: fc.constantFrom(0, 0, 0, -1000),
  enabled: fc.constantFrom(true, true, true, false),
});

Deno.test("siblings of one priority that overlap, some of one name", () => {
  fc.assert(
    fc.property(fc.array(device, { minLength: 2, maxLength: 8 }), dialect, (plans, text) => {
      const topology = newTopology();
      const system = topology.initContainer("system", 1n << 64n);
      system.addSubregionOverlap(0, topology.initIo("soc", 20 * PAGE, {}), -2000);
      for (const { name, at, pages, kind, prio, enabled } of plans) {
        const region = kind === "io"
          ? topology.initIo(name, pages * PAGE, {})
          : topology.initRam(name, pages * PAGE, { blockId: 1, ramAddr: 0n });
        region.setEnabled(enabled);
        system.addSubregionOverlap(at * PAGE, region, prio);
      }
      topology.createAddressSpace("memory", system);
      assertImports(topology, text);
      assertImports(topology, text, false);
    }),
    { seed: 1, numRuns: 100 },
  );
});

/** A window of RAM that other windows overlap. */
const ramWindow = fc.record({
  at: fc.nat(8),
  pages: fc.integer({ min: 1, max: 8 }),
  offset: fc.nat(6),
  prio: fc.constantFrom(0, 0, 0, 1),
});

Deno.test("RAM that is shown several times, by aliases that overlap", () => {
  fc.assert(
    fc.property(fc.array(ramWindow, { minLength: 2, maxLength: 7 }), dialect, (plans, text) => {
      const topology = newTopology();
      const system = topology.initContainer("system", 1n << 64n);
      const ram = topology.initRam("ram", 16 * PAGE, { blockId: 1, ramAddr: 0n });
      const gpu = topology.initContainer("gpu", 12 * PAGE);
      system.addSubregion(0, ram);
      for (const { at, pages, offset, prio } of plans) {
        const window = topology.initAlias("ram-alias", pages * PAGE, ram, offset * PAGE);
        gpu.addSubregionOverlap(at * PAGE, window, prio);
      }
      topology.createAddressSpace("memory", system);
      topology.createAddressSpace("gpu", gpu);
      assertImports(topology, text);
    }),
    { seed: 1, numRuns: 100 },
  );
});

/** Two machines of thousands in which the search has to start again. */
const HIDING = [
  [
    { at: 5, answers: false, devices: [{ at: 0, pages: 2 }] },
    {
      at: 0,
      answers: true,
      devices: [{ at: 1, pages: 2 }, { at: 0, pages: 2 }, { at: 0, pages: 1 }],
    },
    {
      at: 7,
      answers: true,
      devices: [{ at: 0, pages: 1 }, { at: 1, pages: 1 }, { at: 1, pages: 2 }],
    },
    { at: 6, answers: false, devices: [{ at: 0, pages: 2 }, { at: 1, pages: 1 }] },
  ],
  [
    { at: 1, answers: true, devices: [{ at: 1, pages: 2 }, { at: 1, pages: 2 }] },
    { at: 6, answers: false, devices: [{ at: 0, pages: 2 }] },
    {
      at: 7,
      answers: true,
      devices: [{ at: 1, pages: 1 }, { at: 0, pages: 2 }, { at: 1, pages: 2 }],
    },
    {
      at: 8,
      answers: false,
      devices: [{ at: 1, pages: 1 }, { at: 1, pages: 2 }, { at: 1, pages: 2 }],
    },
  ],
];

Deno.test("containers that overlap, with devices and holes in them", () => {
  const block = fc.record({
    at: fc.nat(10),
    answers: fc.boolean(),
    devices: fc.array(fc.record({ at: fc.nat(1), pages: fc.integer({ min: 1, max: 2 }) }), {
      maxLength: 3,
    }),
  });
  const property = fc.property(
    fc.array(block, { minLength: 2, maxLength: 4 }),
    dialect,
    (plans, text) => {
      const topology = newTopology();
      const system = topology.initContainer("system", 1n << 64n);
      plans.forEach(({ at, answers, devices }, number) => {
        const size = 9 * PAGE;
        const name = `block${number}`;
        const block = answers
          ? topology.initIo(name, size, {})
          : topology.initContainer(name, size);
        for (const [i, { at, pages }] of devices.entries()) {
          block.addSubregionOverlap(
            at * PAGE,
            topology.initIo(`device${number}.${i}`, pages * PAGE, {}),
            0,
          );
        }
        system.addSubregionOverlap(at * PAGE, block, 0);
      });
      topology.createAddressSpace("memory", system);
      assertImports(topology, text);
    },
  );
  fc.assert(property, { seed: 1, numRuns: 100 });
  // Here one wrong fact hides another: each single correction makes the views fit worse.
  fc.assert(property, {
    seed: 1,
    numRuns: 1,
    examples: HIDING.map((plans) => [plans, "qemu-7.2"]),
  });
});

Deno.test("the new word says where a region of a section lies", () => {
  const topology = newTopology();
  const system = topology.initContainer("system", 1n << 64n);
  const inside = topology.initIo("regs", PAGE, {});
  const loose = topology.initIo("regs", PAGE, {});
  const show = (at: number, region: MemoryRegion) =>
    system.addSubregion(at * PAGE, topology.initAlias("window", PAGE, region, 0));
  system.addSubregion(0, inside);
  show(1, loose);
  show(2, inside);
  show(3, loose);
  topology.createAddressSpace("memory", system);
  const tree = printTree(topology.addressSpaces, "qemu-11.1").join("\n");
  const { machine, report } = importMachine(tree);
  const names = machine.regions.map(({ id, alias }) => [id, alias]);
  assertEquals(names, [[0, null], [1, null], [2, 5], [3, 1], [4, 5], [5, null]], tree);
  assert(!report.open.some(({ what }) => what === "alias target" || what === "identity"));
});

Deno.test("a region that lies in one that no block prints keeps its kind", () => {
  const topology = newTopology();
  const system = topology.initContainer("system", 1n << 64n);
  const regs = topology.initIo("regs", PAGE, {});
  topology.initContainer("unmapped", 16 * PAGE).addSubregion(4 * PAGE, regs);
  system.addSubregion(0, topology.initAlias("window", PAGE, regs, 0));
  topology.createAddressSpace("memory", system);
  for (const dialect of ["qemu-7.2", "qemu-11.1"] as const) assertImports(topology, dialect);
});
