/**
 * Names for the words of memory, from the layouts of what lies there.
 *
 * @module
 */

/** A layout, as `@guestmem/rcu/layout` defines them. */
export type AnyLayout = Readonly<Record<string, unknown>> & { readonly size: number };

/** What lies somewhere: its name, its layout (or its size in bytes) and its address. */
export type Placed = readonly [name: string, layout: AnyLayout | number, at: number];

interface FieldLike {
  readonly offset: number;
  readonly size: number;
  readonly stride?: number;
}

/**
 * Names addresses by what lies there: `SLOT[1].ctr`, `DOMAIN.gpCtr`, `SRCU_SLOT[0].active[1]`.
 *
 * @param placed What lies where. Of two that overlap the first names the address.
 * @returns The name of a byte address, if something lies there.
 */
export function nameWords(placed: readonly Placed[]): (address: number) => string | undefined {
  return (address) => {
    for (const [name, layout, at] of placed) {
      const size = typeof layout === "number" ? layout : layout.size;
      if (address < at || address >= at + size) continue;
      if (typeof layout === "number") return address > at ? `${name}+${address - at}` : name;
      return `${name}.${fieldAt(layout, address - at)}`;
    }
    return undefined;
  };
}

function fieldAt(layout: AnyLayout, offset: number): string {
  for (const [name, value] of Object.entries(layout)) {
    if (typeof value !== "object") continue;
    const field = value as FieldLike;
    const into = offset - field.offset;
    if (into < 0 || into >= field.size) continue;
    const { stride } = field;
    const element = stride === undefined ? "" : `[${Math.floor(into / stride)}]`;
    const rest = stride === undefined ? into : into % stride;
    return `${name}${element}${rest === 0 ? "" : `+${rest}`}`;
  }
  return `+${offset}`;
}
