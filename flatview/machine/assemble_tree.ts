import type { TreeBlock, TreeLine } from "../mtree/parse_tree.ts";
import type { PrintedKind } from "../mtree/printed_kind.ts";

/** A region, assembled from the lines of the text. */
export interface AssembledRegion {
  /** Index in the order in which the text first prints the regions. */
  readonly id: number;
  /** The line that prints it first. */
  readonly line: number;
  readonly name: string;
  /** Offset in the container, or the absolute address where no container is printed. */
  readonly addr: bigint;
  readonly size: bigint;
  readonly prio: number;
  readonly kind: PrintedKind;
  readonly nonvolatile: boolean;
  readonly enabled: boolean;
  /** Whether only lines below it show that it exists: without `-D` its own line is left out. */
  readonly omitted: boolean;
  readonly owner: string;
  readonly alias: { readonly target: string; readonly offset: bigint } | null;
  container: AssembledRegion | null;
  /** In list order, as far as the text shows it. */
  readonly children: AssembledRegion[];
}

/** The regions that the blocks of the text show. */
export interface Assembly {
  /** All regions, by id. */
  readonly regions: readonly AssembledRegion[];
  /** The address spaces and their roots. */
  readonly addressSpaces: readonly { readonly name: string; readonly root: AssembledRegion }[];
  /** The alias targets in the order of their sections, with the number of aliases printed before each section. */
  readonly sections: readonly {
    readonly target: AssembledRegion;
    readonly aliasesBefore: number;
  }[];
  /** The aliases in the order of the text, repetitions included. */
  readonly aliases: readonly AssembledRegion[];
  /** Roots that print alike: the text does not say which of a group an alias shows. */
  readonly alike: readonly (readonly AssembledRegion[])[];
}

const MASK64 = (1n << 64n) - 1n;

/**
 * Assembles the regions of a text's blocks. A region is printed wherever it is reached: below its
 * container, as the root of an address space, and as the target of an alias. Two printed trees are one
 * region if they print the same and the region can be reached in both ways.
 */
export function assemble(blocks: readonly TreeBlock[]): Assembly {
  return new Assembler().assemble(blocks);
}

class Assembler {
  readonly #regions: AssembledRegion[] = [];
  readonly #addressSpaces: { name: string; root: AssembledRegion }[] = [];
  readonly #sections: { target: AssembledRegion; aliasesBefore: number }[] = [];
  readonly #aliases: AssembledRegion[] = [];
  /** Groups of roots that print alike, by signature. */
  readonly #choices = new Map<number, readonly AssembledRegion[]>();
  /** A number for each distinct print of a line and all lines below it, relative to the container. */
  readonly #signatures = new Map<string, number>();
  /** The regions with a signature. */
  readonly #alike = new Map<number, AssembledRegion[]>();
  /** Roots of address spaces, and alias targets: two blocks of the same kind are never one region. */
  readonly #spaceRoots = new Set<AssembledRegion>();
  readonly #targets = new Set<AssembledRegion>();

  assemble(blocks: readonly TreeBlock[]): Assembly {
    for (const block of blocks) this.#block(block);
    return {
      regions: this.#regions,
      addressSpaces: this.#addressSpaces,
      sections: this.#sections,
      aliases: this.#aliases,
      alike: [...this.#choices.values()],
    };
  }

  #block({ addressSpaces, root }: TreeBlock): void {
    const isSection = addressSpaces.length === 0;
    const taken = isSection ? this.#targets : this.#spaceRoots;
    const aliasesBefore = this.#aliases.length;
    const region = this.#regionOf(root, 0n, (other) => !taken.has(other), true);
    taken.add(region);
    if (isSection) this.#sections.push({ target: region, aliasesBefore });
    for (const name of addressSpaces) this.#addressSpaces.push({ name, root: region });
  }

  /** The region of a printed tree: one that was printed before, or else a new one. */
  #regionOf(
    node: TreeLine,
    base: bigint,
    mayBe: (other: AssembledRegion) => boolean,
    isRoot: boolean,
  ): AssembledRegion {
    const signature = this.#sign(node, base);
    const fitting = (this.#alike.get(signature) ?? []).filter(mayBe);
    if (isRoot && fitting.length > 1 && !this.#choices.has(signature)) {
      this.#choices.set(signature, fitting);
    }
    if (fitting.length === 0) return this.#create(node, base, signature);
    this.#repeat(fitting[0]!);
    return fitting[0]!;
  }

  #create(node: TreeLine, base: bigint, signature: number): AssembledRegion {
    const { line, name, prio, kind, nonvolatile, enabled, omitted, owner, alias } = node;
    const { start, end } = node;
    const addr = (start - base) & MASK64;
    const size = ((end - start) & MASK64) + 1n;
    const region: AssembledRegion = {
      id: this.#regions.length,
      ...{ line, name, prio, kind, nonvolatile, enabled, omitted, owner, alias, addr, size },
      container: null,
      children: [],
    };
    this.#regions.push(region);
    if (alias !== null) this.#aliases.push(region);
    for (const child of node.children) {
      // A region that was only a block's root so far may lie in this one.
      const inner = this.#regionOf(child, start, (other) => this.#isLooseRoot(other), false);
      inner.container = region;
      region.children.push(inner);
    }
    // Siblings print by address, ties in list order; the list runs by falling priority.
    region.children.sort((left, right) => right.prio - left.prio);
    const alike = this.#alike.get(signature);
    if (alike === undefined) this.#alike.set(signature, [region]);
    else alike.push(region);
    return region;
  }

  #isLooseRoot(region: AssembledRegion): boolean {
    return region.container === null && (this.#spaceRoots.has(region) || this.#targets.has(region));
  }

  /** A tree that is printed again prints its aliases again. */
  #repeat(region: AssembledRegion): void {
    if (region.alias !== null) this.#aliases.push(region);
    const printed = [...region.children];
    printed.sort((left, right) => left.addr < right.addr ? -1 : left.addr > right.addr ? 1 : 0);
    for (const child of printed) this.#repeat(child);
  }

  #sign(node: TreeLine, base: bigint): number {
    const { start, end, prio, nonvolatile, kind, name, alias, enabled, owner } = node;
    const own = [
      ...[(start - base) & MASK64, (end - start) & MASK64, prio, nonvolatile, kind, name],
      ...[alias?.target, alias?.offset, enabled, owner],
      ...node.children.map((child) => this.#sign(child, start)),
    ].join("\0");
    const known = this.#signatures.get(own);
    if (known !== undefined) return known;
    this.#signatures.set(own, this.#signatures.size);
    return this.#signatures.size - 1;
  }
}
