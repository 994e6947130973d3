/**
 * The supervisor of a soak: it starts workers, lets them die at random, evicts them, and all the time
 * allocates, locks, asks for statistics and waits for grace periods. In the end nothing may be left.
 *
 * @module
 */

import {
  Arena,
  ArenaExhaustedError,
  type EvictionReport,
  Mutex,
  RcuDomain,
  RcuError,
  RcuList,
  RcuPointer,
  Srcu,
} from "@guestmem/rcu";
import {
  below,
  CELLS,
  COUNTS,
  DEATH,
  DOMAINS,
  HANDS,
  HOARD,
  makeBlock,
  Shared,
  type SoakData,
  WORKER_WORDS,
} from "./plan.ts";
import type { Host, Started } from "./host.ts";

/** How a soak goes. */
export interface SoakOptions {
  readonly milliseconds: number;
  readonly workers?: number;
  readonly bytes?: number;
  readonly debug?: boolean;
  /** Called now and then with a line of progress. */
  readonly progress?: (line: string) => void;
}

/** What happened, and what is wrong; nothing may be. */
export interface SoakReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** How often the heap is looked at before it counts as damaged. */
const HEAP_LOOKS = 10;

/** A worker that makes no progress for this long hangs, unless it was told to. */
const HANG_MS = 30_000;

/** Runs a soak. */
export async function soak(host: Host, options: SoakOptions): Promise<SoakReport> {
  const supervisor = new Supervisor(host, options);
  await supervisor.run();
  return { counts: supervisor.counts(), problems: supervisor.problems };
}

interface Place {
  readonly data: SoakData;
  worker: Started | undefined;
  /** When it was seen to make progress last, and how many operations it had made. */
  progress: { at: number; operations: number };
  /** Whether it was terminated, or told to die. */
  doomed: boolean;
}

class Supervisor {
  readonly problems: string[] = [];
  readonly #host: Host;
  readonly #options: SoakOptions;
  readonly #arena: Arena;
  readonly #shared: Shared;
  readonly #places: Place[];
  readonly #stop = new AbortController();
  readonly #counts = {
    started: 0,
    terminated: 0,
    terminatedIdle: 0,
    evictions: 0,
    readersEvicted: 0,
    mutexesPassed: 0,
    lostFunctions: 0,
    retries: 0,
    gracePeriods: 0,
    worstGraceMs: 0,
    worstDeathMs: 0,
    heapChecks: 0,
    heapLooks: 0,
    timeouts: 0,
    stalls: 0,
  };
  #memory: number[] = [];

  constructor(host: Host, options: SoakOptions) {
    this.#host = host;
    this.#options = options;
    const { workers = 4, bytes = 3 << 19, debug = false } = options;
    this.#arena = Arena.create({ bytes, contexts: 16 + 4 * workers, label: "supervisor", debug });
    const data = layOut(this.#arena);
    this.#shared = new Shared(this.#arena, data);
    this.#places = Array.from({ length: workers }, (_, index) => ({
      data: {
        ...data,
        index,
        words: this.#arena.allocate(64),
        hoard: this.#arena.allocate(HOARD * 4),
        hands: this.#arena.allocate(HANDS * 4),
      },
      worker: undefined,
      progress: { at: 0, operations: 0 },
      doomed: false,
    }));
    for (const domain of [...this.#shared.domains, this.#shared.srcu]) {
      domain.onStall = () => this.#counts.stalls++;
    }
  }

  counts(): Record<string, number> {
    return { ...this.#counts, ...this.#shared.counts() };
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    const watching = this.#host.reportsStops ? Promise.resolve() : this.#arena.watch({
      signal,
      intervalMs: 20,
      onEvicted: (report) => this.#bury(report),
    });
    for (const place of this.#places) this.#start(place);
    const loops = [
      watching,
      this.#each(100, () => this.#kill()),
      this.#each(5, () => this.#bother()),
      this.#each(1000, () => this.#check()),
      this.#each(200, () => this.#freeOrphans()),
      ...this.#shared.domains.map((domain) => this.#each(50, () => this.#wait(domain))),
      this.#each(50, () => this.#wait(this.#shared.srcu)),
    ];
    await sleep(this.#options.milliseconds);
    await this.#endAll();
    this.#stop.abort();
    await Promise.all(loops);
    await this.#judge();
  }

  #start(place: Place): void {
    const first = place.data.words / 4;
    this.#arena.i32.fill(0, first, first + WORKER_WORDS);
    place.doomed = false;
    place.progress = { at: performance.now(), operations: 0 };
    this.#counts.started++;
    place.worker = this.#host.start(place.data, () => this.#stopped(place));
  }

  #word(place: Place, index: number): number {
    return Atomics.load(this.#arena.i32, place.data.words / 4 + index);
  }

  /** The runtime says that a worker has stopped. */
  async #stopped(place: Place): Promise<void> {
    const token = this.#word(place, 0);
    if (!this.#host.reportsStops) return;
    if (token === 0) return this.#ended(place);
    for (;;) {
      try {
        this.#bury(await this.#arena.evict(token, { stopped: true }));
        return;
      } catch (error) {
        if (!(error instanceof RcuError)) throw error;
        this.#counts.retries++; // another has died as well, and is not evicted yet
        await sleep(5);
      }
    }
  }

  /** A worker was evicted: what it hoarded is freed, as its application would, and another starts. */
  #bury(report: EvictionReport): void {
    this.#counts.evictions++;
    this.#counts.readersEvicted += report.members["readers"] ?? 0;
    this.#counts.mutexesPassed += report.members["mutexes"] ?? 0;
    this.#counts.lostFunctions += report.lostFunctions;
    const place = this.#places.find((each) => this.#word(each, 0) === report.context.token);
    if (place) this.#ended(place);
    else this.problems.push(`context ${report.context.token} died, which is no worker's`);
  }

  #ended(place: Place): void {
    const { hoard, hands } = place.data;
    for (const held of this.#takeAll(hoard, HOARD)) this.#arena.free(held);
    // Readers may still see those; of which domain is not known, so all are waited for.
    this.#orphans.push(...this.#takeAll(hands, HANDS));
    this.#destroyDomain(place);
    if (!place.doomed) this.problems.push(`worker ${place.data.index} died without being told to`);
    place.worker = undefined;
    const took = performance.now() - place.progress.at;
    this.#counts.worstDeathMs = Math.max(this.#counts.worstDeathMs, Math.round(took));
    if (!this.#stop.signal.aborted && !this.#isEnding) this.#start(place);
  }

  /** Takes the blocks that a dead worker has noted in some words. */
  #takeAll(at: number, words: number): number[] {
    const taken: number[] = [];
    for (let word = at / 4; word < at / 4 + words; word++) {
      const block = Atomics.exchange(this.#arena.u32, word, 0);
      if (block !== 0) taken.push(block);
    }
    return taken;
  }

  /** Destroys the domain that a dead worker has created for itself, if it has one. */
  #destroyDomain(place: Place): void {
    const [kind, offset, id] = [4, 5, 6].map((index) => this.#word(place, index) >>> 0);
    if (kind === 0) return;
    const handle = { arena: this.#arena.handle.id, offset: offset!, id: id! };
    if (kind === 1) RcuDomain.attach(this.#arena, { kind: "guestmem-rcu", ...handle }).destroy();
    else Srcu.attach(this.#arena, { kind: "guestmem-srcu", ...handle }).destroy();
  }

  /** Frees what dead workers had in hand, once no reader of any domain can see it. */
  async #freeOrphans(): Promise<void> {
    const orphans = this.#orphans.splice(0);
    if (orphans.length === 0) return;
    for (const domain of this.#shared.domains) await domain.synchronizeAsync();
    await this.#shared.srcu.synchronizeSrcuAsync();
    for (const block of orphans) this.#arena.free(block);
  }

  readonly #orphans: number[] = [];
  #isEnding = false;

  /** Lets one of the workers die, in one of the ways. */
  #kill(): void {
    const place = this.#places[below(this.#places.length)]!;
    if (this.#isEnding || !place.worker || place.doomed || this.#word(place, 0) === 0) return;
    if (below(2) === 0 || !this.#isMortal(place)) return;
    place.doomed = true;
    const how = below(10);
    if (this.#host.terminatesRunning && how < 6) return this.#terminate(place);
    const order = how < 3 ? DEATH.THROW : how < 6 ? DEATH.CLOSE : DEATH.IDLE;
    Atomics.store(this.#arena.i32, place.data.words / 4 + 1, order);
  }

  /** Whether somebody will notice if a worker dies now. */
  #isMortal(place: Place): boolean {
    if (this.#host.reportsStops) return true;
    const own = this.#word(place, 0);
    return this.#arena.contexts().some(({ token, certified }) => token === own && certified);
  }

  #terminate(place: Place): void {
    this.#counts.terminated++;
    place.progress.at = performance.now();
    place.worker!.terminate();
  }

  /** Terminates those that idle, and finds those that hang. */
  #look(): void {
    for (const place of this.#places) {
      if (!place.worker) continue;
      if (this.#word(place, 3) === 1) {
        Atomics.store(this.#arena.i32, place.data.words / 4 + 3, 2);
        this.#counts.terminatedIdle++;
        place.progress.at = performance.now();
        place.worker.terminate();
      }
      const operations = this.#word(place, 2);
      const now = performance.now();
      if (operations !== place.progress.operations) place.progress = { at: now, operations };
      if (now - place.progress.at < HANG_MS) continue;
      const how = place.doomed ? ", and was to die" : "";
      this.problems.push(`worker ${place.data.index} hangs: ${operations} operations${how}`);
      place.progress.at = Infinity;
    }
  }

  /** What a supervisor does besides: it allocates, locks, and asks for statistics. */
  #bother(): void {
    this.#look();
    const { srcu, domains, mutexes, lists, cells } = this.#shared;
    const index = below(DOMAINS);
    this.#arena.stats();
    [...domains, srcu][below(DOMAINS + 1)]!.stats();
    try {
      const old = cells[index]![below(CELLS)]!.exchange(makeBlock(this.#arena, index));
      if (old !== 0) domains[index]!.deferFree(old);
      const outcome = mutexes[index]!.lock({ timeoutMs: 20 });
      if (outcome === "owner-died") mutexes[index]!.consistent();
      lists[index]!.insertTail(makeBlock(this.#arena, index));
      mutexes[index]!.unlock();
    } catch (error) {
      if (error instanceof RcuError && error.hasCode("WAIT_TIMEOUT")) this.#counts.timeouts++;
      else if (error instanceof ArenaExhaustedError) {
        if (mutexes[index]!.owner === this.#arena.token) mutexes[index]!.unlock();
      } else if (!(error instanceof RcuError)) throw error;
      else this.#counts.retries++;
    }
  }

  /**
   * Checks the heap. A worker that was terminated inside the allocator, and is not evicted yet, has left
   * it in the middle of a change: so damage counts if it is there to stay.
   */
  async #checkHeap(): Promise<void> {
    for (let look = 1;; look++) {
      try {
        this.#arena.checkHeap();
        return;
      } catch (error) {
        if (look === HEAP_LOOKS) throw error;
        this.#counts.heapLooks++;
        await sleep(1000);
      }
    }
  }

  async #check(): Promise<void> {
    await this.#checkHeap();
    this.#counts.heapChecks++;
    const memory = this.#host.memory();
    if (memory !== undefined) this.#memory.push(memory / 2 ** 20);
    if (this.#counts.heapChecks % 30 !== 0) return;
    const { evictions } = this.#counts;
    const { operations, bad } = this.#shared.counts();
    this.#options.progress?.(
      `${this.#counts.heapChecks} s: ${operations} operations, ${evictions} evictions, ${bad} bad, ` +
        `${Math.round(memory === undefined ? 0 : memory / 2 ** 20)} MiB`,
    );
  }

  async #wait(domain: RcuDomain | Srcu): Promise<void> {
    const start = performance.now();
    const limit = { timeoutMs: HANG_MS };
    if (domain instanceof RcuDomain) await domain.synchronizeAsync(limit);
    else await domain.synchronizeSrcuAsync(limit);
    this.#counts.gracePeriods++;
    const took = Math.round(performance.now() - start);
    this.#counts.worstGraceMs = Math.max(this.#counts.worstGraceMs, took);
  }

  async #each(milliseconds: number, act: () => void | Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await act();
      } catch (error) {
        this.problems.push(`the supervisor: ${(error as Error).stack}`);
        if (this.problems.length > 20) return;
      }
      await sleep(milliseconds);
    }
  }

  /** Lets all workers die, and waits until they are evicted. */
  async #endAll(): Promise<void> {
    this.#isEnding = true;
    for (const end = performance.now() + 2 * HANG_MS; performance.now() < end;) {
      const left = this.#places.filter(({ worker }) => worker !== undefined);
      if (left.length === 0) return;
      for (const place of left.filter(({ doomed }) => !doomed)) {
        if (this.#word(place, 0) === 0 || !this.#isMortal(place)) continue;
        place.doomed = true;
        if (this.#host.terminatesRunning) this.#terminate(place);
        else Atomics.store(this.#arena.i32, place.data.words / 4 + 1, DEATH.IDLE);
      }
      await sleep(20);
    }
    this.problems.push("workers are left that nobody has evicted");
  }

  /** What must hold in the end. */
  async #judge(): Promise<void> {
    const { domains, srcu, mutexes } = this.#shared;
    const limit = { timeoutMs: HANG_MS };
    for (const domain of domains) await domain.barrierAsync(limit);
    await srcu.srcuBarrierAsync(limit);
    for (const mutex of mutexes) {
      if (mutex.lock(limit) === "owner-died") mutex.consistent();
      mutex.unlock();
    }
    this.#arena.checkHeap();
    const { bad, errors } = this.#shared.counts();
    if (bad > 0) this.problems.push(`${bad} bad reads`);
    if (errors > 0) this.problems.push(`${errors} errors in workers`);
    for (const domain of [...domains, srcu]) {
      const { readers, deferredBlocks } = domain.stats();
      if (readers + deferredBlocks > 0) {
        this.problems.push(`${readers} readers and ${deferredBlocks} deferred blocks are left`);
      }
    }
    const alive = this.#arena.contexts().filter(({ state }) => state !== "gone").length;
    if (alive !== 1) this.problems.push(`${alive - 1} contexts are left`);
    const half = this.#memory.length >> 1;
    const grown = this.#memory.length < 60
      ? 0
      : median(this.#memory.slice(half)) - median(this.#memory.slice(10, half));
    if (grown > 64) this.problems.push(`the process has grown by ${Math.round(grown)} MiB`);
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

/** Allocates all that the workers share. */
function layOut(arena: Arena): SoakData {
  const options = { readers: 24, stallMs: 1500, maxDeferred: 300, maxDeferredBytes: 1 << 18 };
  const rows = Array.from({ length: DOMAINS + 1 });
  return {
    index: 0,
    arena: arena.handle,
    domains: rows.slice(1).map((_, i) =>
      RcuDomain.create(arena, { ...options, label: `d${i}` }).handle
    ),
    srcu: Srcu.create(arena, { ...options, label: "srcu" }).handle,
    mutexes: rows.slice(1).map(() => Mutex.create(arena).offset),
    lists: rows.slice(1).map(() => RcuList.create(arena).offset),
    cells: rows.map(() => Array.from({ length: CELLS }, () => RcuPointer.create(arena).offset)),
    counts: arena.allocate(COUNTS.length * 4),
    words: 0,
    hoard: 0,
    hands: 0,
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
