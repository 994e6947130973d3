import { dialectOf } from "../mtree/dialect.ts";
import { parseTree, type TreeBlock } from "../mtree/parse_tree.ts";
import type { PrintedView } from "../mtree/printed_view.ts";
import { type AliasTargets, findTargets } from "./alias_targets.ts";
import { assemble, type Assembly } from "./assemble_tree.ts";
import type { Finding, ImportReport } from "./import_report.ts";
import { inferHidden } from "./infer_hidden.ts";
import type { Machine, MachineRegion } from "./machine.ts";
import { pageBitsOf } from "./page_bits.ts";

/**
 * Reads a machine from the monitor's text: `info mtree`, best with `-D` and with `-o`, whose owners
 * help to find the targets of aliases. Text of QEMU 7.2 and of QEMU 11.1 is read alike. The text
 * leaves some bits out. Flat views of the same machine decide those bits that the views show. The
 * report says of each such bit what it was inferred from, or that it stays open.
 *
 * Without `-D` disabled regions are missing. They show nothing, so the views are the same without
 * them. What lies in one may be taken for a part of its neighbour; the report says so.
 *
 * @param tree The text of `info mtree`, with or without `-D` and `-o`.
 * @param options The flat views, and a name.
 * @returns The machine and the report.
 * @throws {FlatViewError} `MALFORMED_TEXT` if the text is not what it should be.
 */
export function importMachine(
  tree: string,
  options: {
    /** The flat views of the same moment, from `parseFlatViews`: of `info mtree -f`, or better `-f -d`. */
    readonly views?: readonly PrintedView[];
    /** Name of the machine; empty if not given. */
    readonly name?: string;
  } = {},
): { machine: Machine; report: ImportReport } {
  const { views = [] } = options;
  const { blocks, showsDisabled } = parseTree(tree);
  const assembly = assemble(blocks.map((block) => withRootName(block, views)));
  const aliases = findTargets(assembly, showsDisabled);
  const pages = pageBitsOf(views);
  const assumed: Machine = {
    machine: options.name ?? "",
    pageBits: pages.bits,
    evidence: "tree text alone",
    regions: withContainers(regionsOf(assembly, aliases, views), assembly),
    addressSpaces: assembly.addressSpaces.map(({ name, root }) => ({ name, root: root.id })),
    views,
  };
  const inferred: Finding[] = [];
  const open: Finding[] = [];
  const page = {
    what: "page bits",
    region: "",
    id: -1,
    line: 0,
    value: String(pages.bits),
  } as const;
  if (pages.because === null) open.push({ ...page, because: "no printed dispatch shows it" });
  else inferred.push({ ...page, because: pages.because });
  reportAliases(aliases, inferred);
  reportSizes(assembly, views, inferred, open);
  if (!showsDisabled) reportDisabled(assembly, aliases, inferred, open);
  const { machine, exact } = inferHidden(assumed, assembly, aliases, inferred, open);
  const read = {
    blocks: blocks.length,
    regions: assembly.regions.length,
    addressSpaces: machine.addressSpaces.length,
    views: views.length,
  };
  return {
    machine: { ...machine, evidence: evidenceText(options.views !== undefined, inferred) },
    report: { read, inferred, open, exact },
  };
}

/**
 * The regions, with assumptions for what is not printed: an i/o region terminates if the views name
 * it, or without views if it holds no others.
 */
function regionsOf(
  { regions: assembled }: Assembly,
  { targets }: AliasTargets,
  views: readonly PrintedView[],
): MachineRegion[] {
  const named = namesIn(views);
  return assembled.map((region) => ({
    id: region.id,
    name: region.name,
    addr: region.addr,
    size: region.size,
    prio: region.prio,
    kind: region.kind,
    enabled: region.enabled,
    terminates: region.alias === null &&
      ((region.kind !== "i/o" && region.kind !== "container") ||
        (views.length > 0 ? named.has(region.name) : region.children.length === 0)),
    readonly: region.alias === null && region.kind === "rom",
    nonvolatile: region.nonvolatile,
    alias: targets.get(region)?.id ?? null,
    aliasOffset: region.alias?.offset ?? 0n,
    subregions: region.children.map(({ id }) => id),
  }));
}

/**
 * In the text of QEMU 11.1 a root of kind `i/o` lies in some region. If no block prints that one, an
 * empty container stands for it: nothing reaches it, but with it the kind is as printed.
 */
function withContainers(
  regions: readonly MachineRegion[],
  { regions: assembled }: Assembly,
): MachineRegion[] {
  if (dialectOf(regions.map(({ kind }) => kind)) === "qemu-7.2") return [...regions];
  const inside = assembled.filter(({ container, omitted, alias, kind }) =>
    container === null && !omitted && alias === null && kind === "i/o"
  );
  const containers = inside.map((region, i): MachineRegion => ({
    id: regions.length + i,
    name: "(not printed)",
    addr: 0n,
    size: 1n << 64n,
    prio: 0,
    kind: "container",
    enabled: true,
    terminates: false,
    readonly: false,
    nonvolatile: false,
    alias: null,
    aliasOffset: 0n,
    subregions: [region.id],
  }));
  return [...regions, ...containers];
}

/** The names of the regions that some view shows. */
function namesIn(views: readonly PrintedView[]): ReadonlySet<string> {
  return new Set(views.flatMap(({ ranges }) => ranges.map(({ name }) => name)));
}

function reportAliases({ byOwner, targets }: AliasTargets, inferred: Finding[]): void {
  for (const region of byOwner) {
    const { name, id, line, alias } = region;
    inferred.push({
      what: "alias target",
      region: name,
      id,
      line,
      value: `${alias!.target} of line ${targets.get(region)!.line}`,
      because: "alias and target have the same owner",
    });
  }
}

/** A size of 0 prints as that of 1 does; a region that some view shows has a byte. */
function reportSizes(
  { regions: assembled }: Assembly,
  views: readonly PrintedView[],
  inferred: Finding[],
  open: Finding[],
): void {
  const named = namesIn(views);
  for (const { name, id, line, size } of assembled) {
    if (size !== 1n) continue;
    const finding = { what: "size", region: name, id, line, value: "1" } as const;
    if (named.has(name)) {
      inferred.push({ ...finding, because: "a flat view shows a byte of that name" });
    } else open.push({ ...finding, because: "0 prints the same" });
  }
}

/** A root whose line is left out has its name from the views, if they name it. */
function withRootName(block: TreeBlock, views: readonly PrintedView[]): TreeBlock {
  const { addressSpaces, root } = block;
  if (!root.omitted || addressSpaces.length === 0) return block;
  const named = views.flatMap(({ addressSpaces }) => addressSpaces)
    .find(({ name }) => addressSpaces.includes(name));
  return named === undefined ? block : { ...block, root: { ...root, name: named.root } };
}

/** What a text without `[disabled]` cannot tell. */
function reportDisabled(
  { regions, sections }: Assembly,
  { targets }: AliasTargets,
  inferred: Finding[],
  open: Finding[],
): void {
  const what = "disabled region";
  open.push({
    what,
    region: "",
    id: -1,
    line: 0,
    value: "none",
    because: "no line is marked [disabled]: none is disabled, or without -D they are left out, " +
      "and what lies in one prints as if it lay in the region printed before",
  });
  for (const { name, id, line, omitted } of regions) {
    const because = "its line is left out, and lines below it are printed";
    if (omitted) inferred.push({ what, region: name, id, line, value: "yes", because });
  }
  const shown = new Set(targets.values());
  for (const { target: { name, id, line } } of sections) {
    const because = "the text shows no alias of this section: its aliases are left out";
    if (shown.has(regions[id]!)) continue;
    open.push({ what: "alias target", region: name, id, line, value: "no alias", because });
  }
}

function evidenceText(withViews: boolean, inferred: readonly Finding[]): string {
  if (!withViews) return "tree text alone";
  const more = inferred.some(({ what }) => what === "sibling order" || what === "readonly");
  return "tree text, terminating regions told from the flat view" +
    (more ? ", sibling order or readonly flags too" : "");
}
