import type { PrintedKind } from "../mtree/printed_kind.ts";
import type { TreeBlock, TreeLine } from "../mtree/parse_tree.ts";

/** A region as put together from the text. */
export interface Draft {
  /** Position in the order in which the text first prints the regions. */
  readonly id: number;
  /** Line that first prints it. */
  readonly line: number;
  readonly name: string;
  /** Offset in the container, or the absolute address where no container is printed. */
  readonly addr: bigint;
  readonly size: bigint;
  readonly prio: number;
  readonly kind: PrintedKind;
  readonly nonvolatile: boolean;
  readonly enabled: boolean;
  readonly owner: string;
  readonly alias: { readonly target: string; readonly offset: bigint } | null;
  container: Draft | null;
  /** In the order of the list, as far as the text says it. */
  readonly children: Draft[];
}

/** What the blocks of the text amount to. */
export interface Assembly {
  /** All regions, by id. */
  readonly drafts: readonly Draft[];
  /** The address spaces and their roots. */
  readonly addressSpaces: readonly { readonly name: string; readonly root: Draft }[];
  /** The alias targets in the order of their sections, with the number of aliases printed before each section. */
  readonly sections: readonly { readonly target: Draft; readonly aliasesBefore: number }[];
  /** The aliases in the order of the text, repetitions included. */
  readonly aliases: readonly Draft[];
  /** Roots that print alike: which of them is an alias's target the text does not say. */
  readonly alike: readonly (readonly Draft[])[];
}

const MASK64 = (1n << 64n) - 1n;

/**
 * Puts the blocks together. A region is printed wherever it is reached: below its container, as the
 * root of an address space and as the target of an alias. Two printed trees are one region if
 * everything that is printed of them is the same and one of the two could be the other's place.
 */
export function assemble(blocks: readonly TreeBlock[]): Assembly {
  return new Assembler().assemble(blocks);
}

class Assembler {
  readonly #drafts: Draft[] = [];
  readonly #addressSpaces: { name: string; root: Draft }[] = [];
  readonly #sections: { target: Draft; aliasesBefore: number }[] = [];
  readonly #aliases: Draft[] = [];
  /** By signature. */
  readonly #choices = new Map<number, readonly Draft[]>();
  /** Numbers of what is printed of a line and all below it, relative to its container. */
  readonly #signatures = new Map<string, number>();
  /** The regions that print alike. */
  readonly #alike = new Map<number, Draft[]>();
  /** Roots of address spaces, and targets: two blocks of one kind are never one region. */
  readonly #spaceRoots = new Set<Draft>();
  readonly #targets = new Set<Draft>();

  assemble(blocks: readonly TreeBlock[]): Assembly {
    for (const block of blocks) this.#block(block);
    return {
      drafts: this.#drafts,
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
    const draft = this.#place(root, 0n, (other) => !taken.has(other), true);
    taken.add(draft);
    if (isSection) this.#sections.push({ target: draft, aliasesBefore });
    for (const name of addressSpaces) this.#addressSpaces.push({ name, root: draft });
  }

  /** The region of a printed tree: one that was printed before, or a new one. */
  #place(
    node: TreeLine,
    base: bigint,
    mayBe: (other: Draft) => boolean,
    isRoot: boolean,
  ): Draft {
    const signature = this.#sign(node, base);
    const fitting = (this.#alike.get(signature) ?? []).filter(mayBe);
    if (isRoot && fitting.length > 1 && !this.#choices.has(signature)) {
      this.#choices.set(signature, fitting);
    }
    if (fitting.length === 0) return this.#create(node, base, signature);
    this.#repeat(fitting[0]!);
    return fitting[0]!;
  }

  #create(node: TreeLine, base: bigint, signature: number): Draft {
    const { line, name, prio, kind, nonvolatile, enabled, owner, alias, start, end } = node;
    const addr = (start - base) & MASK64;
    const size = ((end - start) & MASK64) + 1n;
    const draft: Draft = {
      id: this.#drafts.length,
      ...{ line, name, prio, kind, nonvolatile, enabled, owner, alias, addr, size },
      container: null,
      children: [],
    };
    this.#drafts.push(draft);
    if (alias !== null) this.#aliases.push(draft);
    for (const child of node.children) {
      // A region that was a block's root so far may turn out to lie in this one.
      const placed = this.#place(child, start, (other) => this.#isLooseRoot(other), false);
      placed.container = draft;
      draft.children.push(placed);
    }
    // Siblings print by address with ties in list order, and the list runs by falling priority.
    draft.children.sort((left, right) => right.prio - left.prio);
    const alike = this.#alike.get(signature);
    if (alike === undefined) this.#alike.set(signature, [draft]);
    else alike.push(draft);
    return draft;
  }

  #isLooseRoot(draft: Draft): boolean {
    return draft.container === null && (this.#spaceRoots.has(draft) || this.#targets.has(draft));
  }

  /** A tree that is printed again names its aliases again. */
  #repeat(draft: Draft): void {
    if (draft.alias !== null) this.#aliases.push(draft);
    const printed = [...draft.children];
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
