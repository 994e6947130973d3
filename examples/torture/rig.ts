/**
 * What a run consists of: an arena, its domains and cells, and the orders of each worker.
 *
 * @module
 */

import { Arena, type DomainHandle, RcuPointer } from "@guestmem/rcu";
import { Control } from "./control.ts";
import { attachGrace, createDomain, type Flavour } from "./domains.ts";
import { Elements } from "./element.ts";
import type { Cell, Order } from "./messages.ts";
import type { Options } from "./options.ts";
import { createValue } from "./shared_value.ts";

/** Two, so that grace periods are driven by several contexts at once. */
export const UPDATERS = 2;
/** Small, so that blocks are reused soon. */
const ARENA_BYTES = 1 << 20;

/** The flavours of a mixed run, in turn. */
const MIXED: readonly Flavour[] = ["memb", "qsbr", "srcu"];

/** What a run consists of. */
export interface Rig {
  readonly arena: Arena;
  readonly control: Control;
  /** Readers first, then updaters. */
  readonly orders: readonly Order[];
  readonly domains: readonly DomainHandle[];
  readonly cells: readonly Cell[];
  /** Blocks that were live before the first element was created. */
  readonly liveBlocks: number;
}

/** Builds what a run needs. */
export function buildRig(options: Options): Rig {
  const { readers, seed, plant, debug = false } = options;
  const arena = Arena.create({ bytes: ARENA_BYTES, label: "torture", debug });
  const control = Control.allocate(readers + UPDATERS);
  const flavours = options.flavour === "mixed" ? MIXED : [options.flavour];
  const domains = createDomains(arena, flavours);
  const pointers = Array.from({ length: UPDATERS }, () => RcuPointer.create(arena));
  const cells = pointers.map(({ offset: pointer }, index): Cell => {
    const domain = domains[index % domains.length]!;
    return { index, pointer, value: createValue(arena, index), domain };
  });
  const decoy = plant === "lost-reader" ? createDomain(arena, flavours.at(-1)!) : undefined;
  const { liveBlocks } = arena.stats();
  const elements = new Elements(arena);
  pointers.forEach((pointer, index) => pointer.publish(elements.create(index, 1)));

  const common = { arena: arena.handle, control, seed, plant };
  const orders: Order[] = Array.from({ length: readers }, (_, worker) => {
    // From the end, so that the lost reader is of the last flavour.
    const flavour = flavours.at(-1 - (readers - 1 - worker) % flavours.length)!;
    const domain = flavour === "srcu" ? domains.at(-1)! : domains[0]!;
    const own = cells.filter((cell) => cell.domain === domain);
    const lost = worker === readers - 1 ? decoy : undefined;
    return { ...common, role: "reader", worker, flavour, domain, cells: own, decoy: lost };
  });
  for (const cell of cells) {
    const [worker, { domain }] = [readers + cell.index, cell];
    orders.push({ ...common, role: "updater", worker, domain, updater: options.updater, cell });
  }
  return { arena, control: new Control(control), orders, domains, cells, liveBlocks };
}

/** Creates the domains that readers of these flavours need: the two flavours of RCU share one. */
function createDomains(arena: Arena, flavours: readonly Flavour[]): DomainHandle[] {
  const kinds = new Map(flavours.map((flavour) => [flavour === "srcu", flavour]));
  return Array.from(kinds.values(), (flavour) => createDomain(arena, flavour));
}

/** How many errors the workers have found. */
export function countErrors({ control, orders }: Rig): number {
  return orders.reduce((total, { worker }) => total + control.progress(worker).errors, 0);
}

/** How many grace periods the domains have completed. */
export function countGracePeriods({ arena, domains }: Rig): number {
  return domains.reduce((total, domain) => total + attachGrace(arena, domain).gracePeriods(), 0);
}

/** Frees the last elements and reports blocks that were never freed. */
export function findLeaks({ arena, cells, liveBlocks }: Rig): string[] {
  for (const { pointer } of cells) arena.free(RcuPointer.attach(arena, pointer).exchange(0));
  arena.checkHeap();
  const stats = arena.stats();
  const lost = stats.liveBlocks + stats.deferredBlocks - liveBlocks;
  return lost === 0 ? [] : [`${lost} blocks were lost: each element must be freed once`];
}
