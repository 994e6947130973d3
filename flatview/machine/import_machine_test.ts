import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { liveViews } from "../mtree/live_views.ts";
import { parseFlatViews } from "../mtree/parse_flat_views.ts";
import { printTree } from "../mtree/print_tree.ts";
import { dialectOf } from "../mtree/dialect.ts";
import { Topology } from "../topology/topology.ts";
import { buildMachine } from "./build_machine.ts";
import { MACHINES, MACHINES_11, readPacked, readRecorded } from "../testdata/read.ts";
import { compareViews } from "./compare_views.ts";
import { importMachine } from "./import_machine.ts";
import { printImportReport } from "./import_report.ts";
import type { Machine } from "./machine.ts";
import { publishMachine } from "./publish_machine.ts";

/** What differs between the views of a machine and those that QEMU printed. */
function differences(machine: Machine, views: Machine["views"]): readonly string[] {
  const arena = Arena.create({ bytes: 1 << 24 });
  const { topology } = publishMachine(machine, { arena, domain: RcuDomain.create(arena) });
  return compareViews(liveViews(topology, true), views).differences;
}

/** QEMU's text of the tree, without the owners that `-o` adds, as blocks. */
function blocks(text: string): string[] {
  const bare = text.split("\n").map((line) => line.replace(/(?: (?:owner|parent):\{.*\})+$/, ""));
  return bare.join("\n").trim().split("\n\n").sort();
}

for (const name of MACHINES) {
  Deno.test(`${name}: imported with the flat views as evidence it renders exactly`, async () => {
    const recorded = await readRecorded(name);
    const flat = await readPacked(`${name}.dispatch.txt`);
    const { machine, report } = importMachine(await readPacked(`${name}.tree.txt`), {
      views: parseFlatViews(flat),
    });
    assertEquals(report.exact, true);
    assertEquals(machine.pageBits, recorded.pageBits);
    assertEquals(differences(machine, recorded.views), []);
    // What the text prints is read as it was recorded.
    for (const [i, region] of machine.regions.entries()) {
      const { id, name, addr, size, prio, kind, enabled, nonvolatile } = recorded.regions[i]!;
      assertEquals(
        [region.id, region.name, region.addr, region.size, region.prio, region.kind],
        [id, name, addr, size, prio, kind],
      );
      assertEquals([region.enabled, region.nonvolatile], [enabled, nonvolatile]);
    }
  });

  Deno.test(`${name}: imported from the tree alone it renders exactly if the text decides it`, async () => {
    const recorded = await readRecorded(name);
    const { machine, report } = importMachine(await readPacked(`${name}.tree.txt`));
    const exact = differences({ ...machine, pageBits: recorded.pageBits }, recorded.views);
    assertEquals(exact.length === 0, recorded.evidence === "tree text alone");
    assertEquals(report.exact, null);
    assert(
      report.inferred.every(({ what }) => what === "alias target"),
      "nothing else is inferred",
    );
    assert(report.open.some(({ what }) => what === "terminates"));
  });
}

for (const name of MACHINES_11) {
  Deno.test(`${name}: imports and prints exactly`, async () => {
    const text = await readPacked(`${name}.tree.txt`);
    const views = parseFlatViews(await readPacked(`${name}.dispatch.txt`));
    const { machine, report } = importMachine(text, { views });
    assertEquals(report.exact, true);
    assertEquals(differences(machine, views), []);
    const dialect = dialectOf(machine.regions.map(({ kind }) => kind));
    assertEquals(dialect, "qemu-11.1");
    const { addressSpaces } = buildMachine(machine, new Topology());
    assertEquals(blocks(printTree(addressSpaces, dialect).join("\n")), blocks(text));
  });

  Deno.test(`${name}: text without -D and -o renders exactly, and the report says what it lacks`, async () => {
    const views = parseFlatViews(await readPacked(`${name}.dispatch.txt`));
    const { machine, report } = importMachine(await readPacked(`${name}.plain.txt`), { views });
    assertEquals(report.exact, true);
    assertEquals(differences(machine, views), []);
    assert(report.open.some(({ what }) => what === "disabled region"));
  });
}

Deno.test("lines below a disabled region show that its line is left out", () => {
  const root = "0000000000000000-ffffffffffffffff (prio 0, container): system";
  const tree = `address-space: memory\n  ${root}\n` +
    "      0000000000000000-0000000000000fff (prio 0, i/o): below\n" +
    "    0000000000000000-0000000000001fff (prio 0, ram): ram\n" +
    "\naddress-space: device\n    0000000000000000-0000000000000fff (prio 0, ram): alone\n\n" +
    "memory-region: ram\n  0000000000000000-0000000000001fff (prio 0, ram): ram\n\n";
  const flat = 'FlatView #0\n AS "memory", root: system\n Root memory region: ram\n' +
    "  0000000000000000-0000000000001fff (prio 0, ram): ram\n\n" +
    'FlatView #1\n AS "device", root: off\n Root memory region: (none)\n  No rendered FlatView\n\n';
  const { machine, report } = importMachine(tree, { views: parseFlatViews(flat) });
  assertEquals(report.exact, true, printImportReport(report).join("\n"));
  const names = machine.regions.map(({ name, enabled }) => `${name} ${enabled}`);
  assertEquals(names, [
    ...["system true", "(disabled) false", "below true", "ram true"],
    ...["off false", "alone true"],
  ]);
  const omitted = report.inferred.filter(({ what }) => what === "disabled region");
  assertEquals(omitted.map(({ id }) => id), [1, 4]);
  const section = report.open.find(({ what }) => what === "alias target");
  assertEquals(section?.region, "ram"); // its alias is not printed
});

const HEAD = "address-space: memory\n  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n";

Deno.test("what is not printed is inferred from the views, or reported as open", () => {
  const tree = HEAD +
    "    0000000000001000-0000000000001fff (prio 0, i/o): low\n" +
    "    0000000000001800-00000000000027ff (prio 0, i/o): high\n" +
    "    0000000000003000-0000000000003000 (prio 0, i/o): hidden [disabled]\n" +
    "    0000000000004000-0000000000004fff (prio 0, ram): alias window @ram 0000000000000000-0000000000000fff\n" +
    "\nmemory-region: ram\n  0000000000000000-0000000000000fff (prio 0, ram): ram\n\n";
  const flat = (first: string, offset: string) =>
    'FlatView #0\n AS "memory", root: system\n Root memory region: system\n' + first +
    `  0000000000004000-0000000000004fff (prio 0, ${offset}): ram\n\n`;
  const lowFirst = "  0000000000001000-0000000000001fff (prio 0, i/o): low\n" +
    "  0000000000002000-00000000000027ff (prio 0, i/o): high @0000000000000800\n";
  const highFirst = "  0000000000001000-00000000000017ff (prio 0, i/o): low\n" +
    "  0000000000001800-00000000000027ff (prio 0, i/o): high\n";
  const order = ({ machine }: ReturnType<typeof importMachine>) =>
    machine.regions[0]!.subregions.slice(0, 2);

  const low = importMachine(tree, { views: parseFlatViews(flat(lowFirst, "ram")) });
  const high = importMachine(tree, { views: parseFlatViews(flat(highFirst, "rom")) });
  assertEquals([order(low), order(high)], [[1, 2], [2, 1]]);
  assertEquals([low.report.exact, high.report.exact], [true, true]);
  assertEquals(low.machine.regions[4]!.readonly, false);
  assertEquals(high.machine.regions[4]!.readonly, true);
  const open = low.report.open.map(({ what, region }) => `${what} ${region}`);
  assert(open.includes("terminates hidden") && open.includes("size hidden"));
  const inferred = high.report.inferred.map(({ what, region, value }) =>
    `${what} ${region} ${value}`
  );
  assert(inferred.includes("sibling order high before low"), String(inferred));
  assert(inferred.includes("readonly window yes"), String(inferred));
  assert(printImportReport(high.report).some((line) => line.includes("rendered as printed")));
});

Deno.test("the views decide which of two regions of one name an alias shows", () => {
  const window = (at: string, end: string) =>
    `    ${at}-${end} (prio 0, i/o): alias window @bus 0000000000000000-0000000000000fff\n`;
  const bus = (child: string) =>
    "memory-region: bus\n  0000000000000000-0000000000000fff (prio 0, i/o): bus\n" +
    `    0000000000000000-0000000000000fff (prio 0, i/o): ${child}\n\n`;
  const at = ["0000000000001000", "0000000000002000", "0000000000003000"];
  const end = ["0000000000001fff", "0000000000002fff", "0000000000003fff"];
  const tree = HEAD + at.map((start, i) => window(start, end[i]!)).join("") + "\n" + bus("one") +
    bus("two");
  for (const shown of [["one", "two", "one"], ["one", "one", "two"], ["one", "two", "two"]]) {
    const flat = 'FlatView #0\n AS "memory", root: system\n Root memory region: system\n' +
      shown.map((name, i) => `  ${at[i]}-${end[i]} (prio 0, i/o): ${name}\n`).join("") + "\n";
    const { report } = importMachine(tree, { views: parseFlatViews(flat) });
    assertEquals(report.exact, true, shown.join());
    assert(report.inferred.some(({ what, line }) => what === "alias target" && line === 5));
  }
  const { report } = importMachine(tree);
  assert(report.open.some(({ what }) => what === "alias target"));
});

Deno.test("which views are shared decides between targets that show the same", () => {
  const all = "0000000000000000-ffffffffffffffff";
  const unit = (n: number) => `address-space: unit ${n}\n  ${all} (prio 0, i/o): iommu\n\n`;
  const device = (n: number) =>
    `address-space: device ${n}\n  ${all} (prio 0, i/o): container\n` +
    `    ${all} (prio 0, i/o): alias bus master @iommu ${all}\n\n`;
  // Where one of two changes alone is no step forward to the right answer, and where it is.
  for (const owners of [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 2, 1], [0, 0, 0]]) {
    const section = `memory-region: iommu\n  ${all} (prio 0, i/o): iommu\n\n`;
    const tree = [0, 1, 2].map(unit).join("") + [0, 1, 2].map(device).join("") +
      section.repeat(new Set(owners).size);
    const flat = [0, 1, 2].map((n) =>
      `FlatView #${n}\n AS "unit ${n}", root: iommu\n` +
      owners.flatMap((own, device) => own === n ? ` AS "device ${device}", root: container\n` : "")
        .join("") +
      ` Root memory region: iommu\n  ${all} (prio 0, i/o): iommu\n\n`
    ).join("");
    const { machine, report } = importMachine(tree, { views: parseFlatViews(flat) });
    assertEquals(report.exact, true, owners.join());
    const targets = machine.regions.flatMap(({ alias }) => alias === null ? [] : [alias]);
    assertEquals(targets, owners); // the first three regions are the units
    const inferred = report.inferred.filter(({ what }) => what === "identity");
    assertEquals(inferred.length, new Set(owners).size);
  }
});

/** The I/O space of a PC, with its dispatch: 64 KiB are 16 pages or more, in the lowest node. */
function ioView(slots: string, rest: string, mark = ""): string {
  const passed = [0, 1, 2, 3, 4].map((node) =>
    `      [${node}]\n\t  0       skip=${5 - node}  ptr=[5]\n\t  1..511  skip=1  ptr=NIL\n`
  );
  return 'FlatView #0\n AS "I/O", root: io\n Root memory region: io\n' +
    `  0000000000000000-000000000000ffff (prio 0, ram): io${mark}\n` +
    "  Dispatch\n    Physical sections\n" +
    "      #0 @0000000000000000..ffffffffffffffff (noname) [unassigned]\n" +
    "      #1 @0000000000000000..000000000000ffff io [not dirty] [ROOT]\n" +
    "    Nodes (9 bits per level, 6 levels) ptr=[5] skip=6\n" + passed.join("") +
    `      [5]\n\t  0..${slots}   skip=0  ptr=#1\n\t ${rest}..511  skip=0  ptr=#0\n\n`;
}
const IO = "address-space: I/O\n  0000000000000000-000000000000ffff (prio 0, ram): io\n\n";

Deno.test("if no page is shared, the page size is inferred from the nodes", () => {
  for (const [bits, slots, rest] of [[12, "15", "16"], [10, "63", "64"]] as const) {
    const { machine, report } = importMachine(IO, { views: parseFlatViews(ioView(slots, rest)) });
    assertEquals([machine.pageBits, report.exact], [bits, true]);
    assert(
      report.inferred.some(({ what, value }) => what === "page bits" && value === String(bits)),
    );
  }
  const { machine, report } = importMachine(IO, { views: parseFlatViews(ioView("17", "18")) }); // no page size
  assertEquals(machine.pageBits, 12);
  assert(report.open.some(({ what }) => what === "page bits"));
});

Deno.test("the KVM mark is not part of a name", () => {
  for (const mark of [" KVM", " KVM KVM"]) {
    const { machine, report } = importMachine(IO, {
      views: parseFlatViews(ioView("15", "16", mark)),
    });
    assertEquals(report.exact, true);
    assertEquals(machine.views[0]!.ranges.map(({ line, text }) => [line, text]), [
      [4, "  0000000000000000-000000000000ffff (prio 0, ram): io"],
    ]);
  }
});

Deno.test("a view that no tree of this text renders is reported", () => {
  const flat = 'FlatView #0\n AS "memory", root: system\n Root memory region: other\n' +
    "  0000000000000000-0000000000000fff (prio 0, i/o): other\n\n";
  assertEquals(importMachine(HEAD + "\n", { views: parseFlatViews(flat) }).report.exact, false);
});

Deno.test("malformed text is an error with the line and what was expected", () => {
  const fails = (text: string, line: number, expected: string) => {
    const error = assertThrows(() => importMachine(text), FlatViewError, expected);
    assertEquals([error.code, error.details], ["MALFORMED_TEXT", { ...error.details, line }]);
  };
  fails("", 1, "address-space");
  fails("nonsense\n", 1, "address-space: NAME");
  fails("address-space: memory\nnonsense\n", 2, "START-END");
  fails(HEAD + "   0000000000000000-0000000000000fff (prio 0, ram): x\n", 3, "indent");
  const off = "    0000000000000000-0000000000000fff (prio 0, ram): off [disabled]\n";
  fails(HEAD + "      0000000000000000-0000000000000fff (prio 0, ram): x\n" + off, 3, "indent");
  fails(HEAD + "    0000000000000000-0000000000000fff (prio 0, wood): x\n", 3, "KIND");
  const window = "    0000000000000000-0000000000000fff (prio 0, i/o): alias a @b " +
    "0000000000000000-0000000000000fff\n";
  fails(HEAD + window + "\n", 3, 'section "memory-region: b"');
  fails("memory-region: x\n  0000000000000000-0000000000000fff (prio 0, ram): y\n", 2, '"x"');
  const failsIn = (flat: string, line: number, expected: string) => {
    const error = assertThrows(() => parseFlatViews(flat), FlatViewError, expected);
    assertEquals([error.code, error.details], ["MALFORMED_TEXT", { ...error.details, line }]);
  };
  failsIn('FlatView #0\n AS "memory", root: system\n nonsense\n', 3, "Root memory region");
  failsIn(ioView("15", "16").replace("ptr=#1", "ptr=1"), 26, "a line of a dispatch");
});
