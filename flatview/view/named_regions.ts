import type { MemoryRegion } from "../region/memory_region.ts";

/**
 * The regions that sections of some view name, on which the views hold a reference for each section.
 * Views that share a section hold one for all of them.
 */
export class NamedRegions {
  readonly #named = new Map<number, { readonly region: MemoryRegion; sections: number }>();

  /** The region that the next section names. */
  next: MemoryRegion | null = null;

  /** The region with an id, which some section names. */
  get(id: number): MemoryRegion {
    return this.#named.get(id)!.region;
  }

  /** A section that names the next region was made. */
  add(): void {
    const region = this.next!;
    const named = this.#named.get(region.id);
    if (named === undefined) this.#named.set(region.id, { region, sections: 1 });
    else named.sections++;
    region.ref();
  }

  /** A section that names a region was freed. The reference that goes may be the last. */
  drop(id: number): void {
    const named = this.#named.get(id)!;
    if (--named.sections === 0) this.#named.delete(id);
    named.region.unref();
  }
}
