import type { Machine, MachineRegion, PrintedView } from "../machine/format.ts";
import { type AliasTargets, findTargets } from "./alias_targets.ts";
import { assemble, type Assembly } from "./draft.ts";
import type { Finding, ImportReport } from "./import_report.ts";
import { pageBitsOf } from "./page_bits.ts";
import { parseFlatViews, parseRange } from "./parse_flat.ts";
import { parseTree } from "./parse_tree.ts";
import { tellHidden } from "./tell_hidden.ts";

/** A machine read from the monitor's text, and how sure one can be of it. */
export interface ImportedMachine {
  /** The machine. */
  readonly machine: Machine;
  /** What was read, told from evidence, or stays open. */
  readonly report: ImportReport;
}

/** What an import may be given besides the tree. */
export interface ImportOptions {
  /** The text of `info mtree -f`, or better `-f -d`, of the same moment. */
  readonly flat?: string;
  /** Name of the machine; empty if not given. */
  readonly name?: string;
}

/**
 * Reads a machine from the monitor's text: `info mtree -D`, best with `-o`, which helps to tell the
 * targets of aliases apart. The text leaves some bits out; the flat views beside it decide those
 * that the views show. The report says of each such bit what it was told from, or that it is open.
 *
 * @param tree The text of `info mtree -D -o`.
 * @param options The flat views' text, and a name.
 * @returns The machine and the report.
 * @throws {MachineFormatError} If a text is not what it should be. Its `where` names the flat text if it is that.
 */
export function importMachine(tree: string, options: ImportOptions = {}): ImportedMachine {
  const blocks = parseTree(tree);
  const views = options.flat === undefined ? [] : parseFlatViews(options.flat);
  const assembly = assemble(blocks);
  const aliases = findTargets(assembly);
  const pages = pageBitsOf(views);
  const draft: Machine = {
    machine: options.name ?? "",
    pageBits: pages.bits,
    evidence: "tree text alone",
    regions: draftRegions(assembly, aliases, views),
    addressSpaces: assembly.addressSpaces.map(({ name, root }) => ({ name, root: root.id })),
    views,
  };
  const told: Finding[] = [];
  const open: Finding[] = [];
  const page = {
    what: "page bits",
    region: "",
    id: -1,
    line: 0,
    value: String(pages.bits),
  } as const;
  if (pages.because === null) open.push({ ...page, because: "no dispatch is printed that tells" });
  else told.push({ ...page, because: pages.because });
  reportAliases(aliases, told);
  reportSizes(assembly, views, told, open);
  const { machine, exact } = tellHidden(draft, assembly, aliases, told, open);
  const read = {
    blocks: blocks.length,
    regions: machine.regions.length,
    addressSpaces: machine.addressSpaces.length,
    views: views.length,
  };
  return {
    machine: { ...machine, evidence: evidenceText(options.flat !== undefined, told) },
    report: { read, told, open, exact },
  };
}

/** The regions with assumptions for what is not printed: an i/o region answers if the views name it, or without views if it holds no others. */
function draftRegions(
  { drafts }: Assembly,
  { targets }: AliasTargets,
  views: readonly PrintedView[],
): MachineRegion[] {
  const named = new Set(views.flatMap((view) => view.ranges.map((line) => parseRange(line)?.name)));
  return drafts.map((draft) => ({
    id: draft.id,
    name: draft.name,
    addr: draft.addr,
    size: draft.size,
    prio: draft.prio,
    kind: draft.kind,
    enabled: draft.enabled,
    terminates: draft.alias === null &&
      (draft.kind !== "i/o" ||
        (views.length > 0 ? named.has(draft.name) : draft.children.length === 0)),
    readonly: draft.alias === null && draft.kind === "rom",
    nonvolatile: draft.nonvolatile,
    alias: targets.get(draft)?.id ?? null,
    aliasOffset: draft.alias?.offset ?? 0n,
    subregions: draft.children.map(({ id }) => id),
  }));
}

function reportAliases({ byOwner, targets }: AliasTargets, told: Finding[]): void {
  for (const draft of byOwner) {
    const { name, id, line, alias } = draft;
    told.push({
      what: "alias target",
      region: name,
      id,
      line,
      value: `${alias!.target} of line ${targets.get(draft)!.line}`,
      because: "alias and target have the same owner",
    });
  }
}

/** A size of 0 prints as that of 1 does; a region that some view shows has a byte. */
function reportSizes(
  { drafts }: Assembly,
  views: readonly PrintedView[],
  told: Finding[],
  open: Finding[],
): void {
  const named = new Set(views.flatMap((view) => view.ranges.map((line) => parseRange(line)?.name)));
  for (const { name, id, line, size } of drafts) {
    if (size !== 1n) continue;
    const finding = { what: "size", region: name, id, line, value: "1" } as const;
    if (named.has(name)) {
      told.push({ ...finding, because: "a flat view shows a byte of that name" });
    } else open.push({ ...finding, because: "0 prints the same" });
  }
}

function evidenceText(withViews: boolean, told: readonly Finding[]): string {
  if (!withViews) return "tree text alone";
  const more = told.some(({ what }) => what === "sibling order" || what === "readonly");
  return "tree text, terminating regions told from the flat view" +
    (more ? ", sibling order or readonly flags too" : "");
}
