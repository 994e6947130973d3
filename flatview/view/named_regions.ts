import type { MemoryRegion } from "../region/memory_region.ts";

/**
 * The regions that sections of some view name, on which the views hold a reference for each section.
 * Views that share a section hold one for all of them.
 */
export class NamedRegions {
  readonly #named = new Map<number, { readonly region: MemoryRegion; sections: number }>();

  /** The region with an id, which some section names. */
  get(id: number): MemoryRegion {
    return this.#named.get(id)!.region;
  }

  /** Sections that name a region may be made from now on, until `settle`. */
  expect(region: MemoryRegion): void {
    if (!this.#named.has(region.id)) this.#named.set(region.id, { region, sections: 0 });
  }

  /** Ends what `expect` began for a region. */
  settle(region: MemoryRegion): void {
    if (this.#named.get(region.id)?.sections === 0) this.#named.delete(region.id);
  }

  /** A section that names a region was made. */
  add(id: number): void {
    const named = this.#named.get(id)!;
    named.sections++;
    named.region.ref();
  }

  /** A section that names a region was freed. The reference that goes may be the last. */
  drop(id: number): void {
    const named = this.#named.get(id)!;
    if (--named.sections === 0) this.#named.delete(id);
    named.region.unref();
  }
}
