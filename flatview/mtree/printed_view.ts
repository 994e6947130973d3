/** A flat view as QEMU's `info mtree -f -d` prints it, with what its lines say. */
export interface PrintedView {
  /** The address spaces that share it. */
  readonly addressSpaces: readonly {
    /** Name of the address space. */
    readonly name: string;
    /** Name of its root. */
    readonly root: string;
    /** Name of the root's alias target, if the root is an alias. */
    readonly alias: string | null;
  }[];
  /** Name of the physical root, `(none)` for the empty view. */
  readonly root: string;
  /** The ranges by rising address. */
  readonly ranges: readonly {
    /** Line of the monitor's text, 1 for the first; 0 if the view comes from a machine file. */
    readonly line: number;
    /** The line, without owner and `KVM`. */
    readonly text: string;
    /** First address. */
    readonly first: bigint;
    /** Last address, inclusive. */
    readonly last: bigint;
    /** Priority of the region. */
    readonly prio: number;
    /** Kind, with `nv-` where printed. */
    readonly kind: string;
    /** Name of the region. */
    readonly name: string;
    /** Offset in the region. */
    readonly offset: bigint;
  }[];
  /** The lines of the dispatch; empty for an empty view, or if it was not printed. */
  readonly dispatch: readonly {
    /** Line of the monitor's text, 1 for the first; 0 if the view comes from a machine file. */
    readonly line: number;
    /** The line, without `[MRU]` and `[iommu]`. */
    readonly text: string;
    /** The section that the line describes; null for any other line. */
    readonly section: {
      /** Its number. */
      readonly number: number;
      /** First address. */
      readonly first: bigint;
      /** Last address, inclusive. */
      readonly last: bigint;
      /** Name of the region; `(noname)` for unassigned and for the container of a subpage. */
      readonly name: string;
    } | null;
  }[];
}

/** An address space as the head of a printed view names it. */
export type PrintedAddressSpace = PrintedView["addressSpaces"][number];

/** A printed range. */
export type PrintedRange = PrintedView["ranges"][number];

/** What the line of a range says. */
export type RangeText = Omit<PrintedRange, "line" | "text">;

/** A line of a printed dispatch. */
export type PrintedDispatchLine = PrintedView["dispatch"][number];
