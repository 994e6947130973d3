import type { Arena, RcuReader } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";
import { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { TraceAccess, TraceLine } from "./trace_line.ts";

/** What became of the accesses of a trace. */
export interface ReplayCounts {
  /** Accesses. */
  readonly accesses: number;
  /** The address gives that region at that offset in some address space. */
  readonly agreed: number;
  /** A view shows that part of the region, but at another address: an alias led there. */
  readonly otherPath: number;
  /** Neither, while the map was changing. */
  readonly undecided: number;
  /** Neither, on a known map. */
  readonly wrong: number;
}

/** An access that a replay could not explain. */
export interface ReplayedLine {
  /** File of the line. */
  readonly file: string;
  /** Line, 1 for the first. */
  readonly line: number;
  /** What the guest did. */
  readonly access: TraceAccess;
}

type Verdict = "agreed" | "otherPath" | "unknown";

/** What a map says of accesses; the same question is asked many times. */
class MapOracle {
  readonly #spaces: readonly AddressSpaceReader[];
  readonly #reader: RcuReader;
  readonly #byId = new Map<number, MemoryRegion>();
  /** The regions that some view shows, by name. */
  readonly #shown = new Map<string, Set<MemoryRegion>>();
  readonly #memo = new Map<string, Verdict>();

  constructor(topology: Topology, arena: Arena, reader: RcuReader) {
    this.#reader = reader;
    const views = new Set(topology.addressSpaces.map(({ view }) => view));
    // Address spaces of one view give the same answers.
    const byView = new Map(topology.addressSpaces.map((space) => [space.view, space]));
    this.#spaces = [...byView.values()].map(({ handle }) =>
      AddressSpaceReader.attach(arena, handle)
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
    const section = this.#reader.lock();
    try {
      for (const space of this.#spaces) {
        const row = space.lookup(section, access.addr);
        const region = this.#byId.get(space.region(row));
        if (region?.name !== access.name) continue;
        if (space.offset(row, access.addr) === access.addr - ownBase(region)) return "agreed";
      }
    } finally {
      section.unlock();
    }
    for (const region of this.#shown.get(access.name) ?? []) {
      const offset = access.addr - ownBase(region);
      if (offset >= 0n && offset < region.size) return "otherPath";
    }
    return "unknown";
  }
}

/** The addresses of a region and its containers, which a trace adds to the offset. */
function ownBase(region: MemoryRegion): bigint {
  let base = 0n;
  for (let up: MemoryRegion | null = region; up !== null; up = up.container) base += up.addr;
  return base & ((1n << 64n) - 1n);
}

/**
 * Takes the accesses of a boot trace through lookups on published maps. What came before the first
 * `flatview_new` ran on the map before, what came after the last on the map after; in between the
 * map was changing, and an access may be explained by either.
 */
export class Replay {
  readonly #before: MapOracle;
  readonly #after: MapOracle;
  #changes = 0;
  /** What came since the last `flatview_new`. */
  #since: ReplayedLine[] = [];
  readonly #counts = { accesses: 0, agreed: 0, otherPath: 0, undecided: 0, wrong: 0 };
  /** The accesses that are wrong, as many as are worth reading. */
  readonly wrong: ReplayedLine[] = [];

  /**
   * Begins a replay.
   *
   * @param before The map at the start of the trace.
   * @param after The map at its end.
   * @param arena The arena of both.
   * @param reader A reader of the domain of both, in this context.
   */
  constructor(before: Topology, after: Topology, arena: Arena, reader: RcuReader) {
    this.#before = new MapOracle(before, arena, reader);
    this.#after = after === before ? this.#before : new MapOracle(after, arena, reader);
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

  /** The trace is over: what came after the last change ran on the map after. */
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

/** Wrong accesses that are kept for display. */
const MAX_SHOWN = 20;
