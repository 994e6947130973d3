import { AddressSpaceReader, type MemoryRegion, type Topology } from "@guestmem/flatview";
import type { Arena, RcuReader } from "@guestmem/rcu";
import type { TraceAccess, TraceLine } from "../lib/trace_line.ts";

/** How many accesses of a trace the maps explain. */
export interface ReplayCounts {
  /** All accesses. */
  readonly accesses: number;
  /** Some address space shows that byte of that region at that address. */
  readonly agreed: number;
  /** A view shows the region, but at another address: the access came through an alias. */
  readonly otherPath: number;
  /** Neither, and the map was changing. */
  readonly undecided: number;
  /** Neither, and the map is known. */
  readonly wrong: number;
}

/** An access that a replay could not explain. */
export interface ReplayedLine {
  /** File that holds the line. */
  readonly file: string;
  /** Line number, 1 for the first. */
  readonly line: number;
  /** What the guest did. */
  readonly access: TraceAccess;
}

type Verdict = "agreed" | "otherPath" | "unknown";

/** Judges accesses by a map. Verdicts are kept: traces repeat the same accesses. */
class MapOracle {
  readonly #spaces: readonly AddressSpaceReader[];
  readonly #reader: RcuReader;
  readonly #byId = new Map<number, MemoryRegion>();
  /** The regions that some view shows, by name. */
  readonly #shown = new Map<string, Set<MemoryRegion>>();
  readonly #memo = new Map<string, Verdict>();

  constructor(topology: Topology, memory: Arena, reader: RcuReader) {
    this.#reader = reader;
    const views = new Set(topology.addressSpaces.map(({ view }) => view));
    // Address spaces with one view give the same answers.
    const byView = new Map(topology.addressSpaces.map((space) => [space.view, space]));
    this.#spaces = [...byView.values()].map(({ handle }) =>
      AddressSpaceReader.attach(memory, handle)
    );
    for (const region of [...views].flatMap((view) => view.regions)) {
      this.#byId.set(region.id, region);
      const named = this.#shown.get(region.name);
      if (named === undefined) this.#shown.set(region.name, new Set([region]));
      else named.add(region);
    }
  }

  judge(access: TraceAccess): Verdict {
    const key = `${access.addr.toString(16)} ${access.name}`;
    let verdict = this.#memo.get(key);
    if (verdict === undefined) this.#memo.set(key, verdict = this.#decide(access));
    return verdict;
  }

  #decide(access: TraceAccess): Verdict {
    const guard = this.#reader.lock();
    try {
      for (const space of this.#spaces) {
        const row = space.lookup(guard, access.addr);
        const region = this.#byId.get(space.region(row));
        if (region?.name !== access.name) continue;
        if (space.offset(row, access.addr) === access.addr - ownBase(region)) return "agreed";
      }
    } finally {
      guard.unlock();
    }
    for (const region of this.#shown.get(access.name) ?? []) {
      const offset = access.addr - ownBase(region);
      if (offset >= 0n && offset < region.size) return "otherPath";
    }
    return "unknown";
  }
}

/** Sum of the addresses of a region and its containers: what a trace adds to the offset. */
function ownBase(region: MemoryRegion): bigint {
  let base = 0n;
  for (let up: MemoryRegion | null = region; up !== null; up = up.container) base += up.addr;
  return base & ((1n << 64n) - 1n);
}

/**
 * Looks the accesses of a boot trace up in published maps. Accesses before the first `flatview_new`
 * ran on the map before, accesses after the last one on the map after. Between the two the map was
 * changing, and either map may explain an access.
 */
export class Replay {
  readonly #before: MapOracle;
  readonly #after: MapOracle;
  #changes = 0;
  /** The accesses since the last `flatview_new`. */
  #since: ReplayedLine[] = [];
  readonly #counts = { accesses: 0, agreed: 0, otherPath: 0, undecided: 0, wrong: 0 };
  /** The first wrong accesses, for display. */
  readonly wrong: ReplayedLine[] = [];

  /**
   * Begins a replay.
   *
   * @param before The map at the start of the trace.
   * @param after The map at its end.
   * @param memory The arena of both.
   * @param reader A reader of the domain of both, in this context.
   */
  constructor(before: Topology, after: Topology, memory: Arena, reader: RcuReader) {
    this.#before = new MapOracle(before, memory, reader);
    this.#after = after === before ? this.#before : new MapOracle(after, memory, reader);
  }

  /** Takes the next line of the trace. */
  take(line: TraceLine, file: string, number: number): void {
    if (line.event === "access") {
      this.#counts.accesses++;
      const replayed = { file, line: number, access: line };
      if (this.#changes === 0) this.#known(replayed, this.#before);
      else this.#since.push(replayed);
    } else if (line.event === "viewNew") {
      for (const replayed of this.#since) this.#between(replayed);
      this.#since = [];
      this.#changes++;
    }
  }

  /** Ends the trace: the accesses since the last change ran on the map after. */
  finish(): ReplayCounts {
    for (const replayed of this.#since) this.#known(replayed, this.#after);
    this.#since = [];
    return { ...this.#counts };
  }

  #known(replayed: ReplayedLine, map: MapOracle): void {
    const verdict = map.judge(replayed.access);
    if (verdict !== "unknown") {
      this.#counts[verdict]++;
      return;
    }
    this.#counts.wrong++;
    if (this.wrong.length < MAX_SHOWN) this.wrong.push(replayed);
  }

  #between({ access }: ReplayedLine): void {
    const verdicts = [this.#before.judge(access), this.#after.judge(access)];
    const verdict = (["agreed", "otherPath"] as const).find((one) => verdicts.includes(one));
    this.#counts[verdict ?? "undecided"]++;
  }
}

/** How many wrong accesses are kept for display. */
const MAX_SHOWN = 20;
