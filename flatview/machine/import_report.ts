/** What an import read, what it inferred, and what it left open. */
export interface ImportReport {
  /** Counts of what the text shows. */
  readonly read: {
    /** Blocks of the tree's text. */
    readonly blocks: number;
    /** Regions. */
    readonly regions: number;
    /** Address spaces. */
    readonly addressSpaces: number;
    /** Views of the flat text; 0 without one. */
    readonly views: number;
  };
  /** Bits that the text does not print and that other evidence decides: where their values come from. */
  readonly inferred: readonly {
    /** The bit. */
    readonly what:
      | "terminates"
      | "sibling order"
      | "readonly"
      | "alias target"
      | "identity"
      | "size"
      | "disabled region"
      | "page bits";
    /** Name of the region, or empty. */
    readonly region: string;
    /** Id of the region in the machine, or -1. */
    readonly id: number;
    /** Line of the tree's text, or 0. */
    readonly line: number;
    /** The value that the machine has. */
    readonly value: string;
    /** The evidence, or why there is none. */
    readonly because: string;
  }[];
  /** Bits that nothing decides: their values are assumptions. */
  readonly open: ImportReport["inferred"];
  /** Whether the views render as the flat text has them; null without a flat text. */
  readonly exact: boolean | null;
}

/** A bit of an imported machine that the text does not print, and where its value comes from. */
export type Finding = ImportReport["inferred"][number];

/**
 * An import's report as text: counts, then what was inferred and what stays open, by kind of bit,
 * with the regions.
 */
export function printImportReport(report: ImportReport): string[] {
  const { read, inferred, open, exact } = report;
  return [
    `read: ${read.regions} regions, ${read.addressSpaces} address spaces, ${read.blocks} blocks` +
    (read.views > 0 ? `, ${read.views} flat views` : ""),
    `inferred from evidence: ${inferred.length}`,
    ...findingLines(inferred),
    `open: ${open.length}`,
    ...findingLines(open),
    exact === null
      ? "flat views: none given to compare with"
      : `flat views: ${exact ? "rendered as printed" : "NOT rendered as printed"}`,
  ];
}

function findingLines(findings: readonly Finding[]): string[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.what} = ${finding.value} (${finding.because})`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups].map(([key, group]) => {
    const names = group.filter(({ id }) => id >= 0).map(({ region, line }) => `${region}:${line}`);
    return `  ${key}${names.length > 0 ? `: ${names.join(", ")}` : ""}`;
  });
}
