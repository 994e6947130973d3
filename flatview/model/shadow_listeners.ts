import { ListenerError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";
import type { AddressSpace } from "../view/address_space.ts";
import { compareLines } from "./compare_lines.ts";
import { ShadowListener } from "./shadow_listener.ts";

/** At most one listener for each address space. */
export class ShadowListeners {
  readonly #topology: Topology;
  readonly #shadows = new Map<AddressSpace, ShadowListener>();
  /** Tells whether all memory is logged. */
  readonly #probe: MemoryRegion;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.#probe = topology.initRam("probe", 1, { blockId: 1, ramAddr: 0n });
  }

  listen(space: AddressSpace): void {
    if (this.#shadows.has(space)) return;
    const shadow = new ShadowListener(space);
    this.#shadows.set(space, shadow);
    this.#topology.registerListener(shadow, space);
  }

  deafen(space: AddressSpace): void {
    const shadow = this.#shadows.get(space);
    if (shadow === undefined) return;
    this.#topology.unregisterListener(shadow, space);
    this.#shadows.delete(space);
    compareLines("what a listener knows that has left", shadow.lines(), []);
  }

  /** Unregisters all. After a difference their own state may be wrong, so what they throw is ignored. */
  leave(): void {
    for (const [space, shadow] of this.#shadows) {
      try {
        this.#topology.unregisterListener(shadow, space);
      } catch (error) {
        if (!(error instanceof ListenerError)) throw error;
      }
    }
  }

  compare(): void {
    for (const [{ name }, shadow] of this.#shadows) {
      compareLines(`what a listener knows of ${name}`, shadow.lines(), shadow.expectedLines());
      const logsAll = this.#probe.dirtyLogMask !== 0;
      if (shadow.logsAll !== logsAll) throw new Error(`all memory is logged: ${logsAll}`);
    }
  }
}
