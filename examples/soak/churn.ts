/**
 * What a worker of a soak does until it dies: sections, updates, lists, allocation near exhaustion,
 * domains that come and go. It dies where its supervisor did not choose: inside sections, with locks.
 *
 * @module
 */

import {
  Arena,
  ArenaExhaustedError,
  DeferredBudgetError,
  EvictedError,
  type MembReader,
  type QsbrReader,
  RcuDomain,
  RcuError,
  Srcu,
  type SrcuReader,
} from "@guestmem/rcu";
import {
  below,
  CELLS,
  DEATH,
  DOMAINS,
  HOARD,
  isWhole,
  makeBlock,
  Shared,
  type SoakData,
} from "./plan.ts";

/** Thrown to end the worker in the middle of what it does. */
export class Death extends Error {
  override name = "Death";
}

/** Operations between two turns of the event loop. */
const BATCH = 200;
/** Most nodes of a list. */
const LONGEST = 10;
/** Most SRCU tasks at once. */
const TASKS = 8;

/** One worker of a soak. */
export class Churn {
  readonly #shared: Shared;
  readonly #arena: Arena;
  readonly #readers: readonly (MembReader | QsbrReader)[];
  readonly #srcuReader: SrcuReader;
  readonly #words: number;
  readonly #close: () => void;
  #tasks = 0;

  /**
   * Attaches and registers.
   *
   * @param data From the supervisor.
   * @param close Ends the worker from the inside, as `self.close()` does.
   */
  constructor(data: SoakData, close: () => void) {
    this.#arena = Arena.attach(data.arena, { label: `worker ${data.index}` });
    this.#shared = new Shared(this.#arena, data);
    this.#words = data.words / 4;
    this.#close = close;
    Atomics.store(this.#arena.i32, this.#words, this.#arena.token);
    const label = `worker ${data.index}`;
    this.#readers = this.#shared.domains.map((domain, index) =>
      index === 1 ? domain.register({ flavour: "qsbr", label }) : domain.register({ label })
    );
    this.#srcuReader = this.#shared.srcu.register({ label });
  }

  /** Runs until it dies, by an order or by an error. */
  async run(): Promise<void> {
    const qsbr = this.#readers[1] as QsbrReader;
    for (;;) {
      for (let round = 0; round < BATCH; round++) {
        this.#shared.add("operations");
        Atomics.add(this.#arena.i32, this.#words + 2, 1);
        this.#operate();
      }
      qsbr.offline();
      if (this.#tasks < TASKS) this.#keep(this.#srcuTask());
      this.#keep(this.#srcuUpdate());
      await new Promise((next) => setTimeout(next, below(10) === 0 ? 3 : 0));
      await this.#idleIfTold();
      qsbr.online();
    }
  }

  #operate(): void {
    const domain = below(DOMAINS);
    const what = below(100);
    try {
      if (what < 50) this.#read(domain);
      else if (what < 60) this.#walk(domain);
      else if (what < 75) this.#update(domain);
      else if (what < 85) this.#changeList(domain);
      else if (what < 98) this.#hoard();
      else this.#comeAndGo();
    } catch (error) {
      if (!(error instanceof ArenaExhaustedError)) throw error;
      this.#shared.add("exhausted");
      this.#giveUpHoard();
    }
  }

  #read(domain: number): void {
    const reader = this.#readers[domain]!;
    const guard = reader.lock();
    for (let look = 0; look < 4; look++) {
      const block = this.#shared.cells[domain]![below(CELLS)]!.dereference(guard);
      if (block === 0) continue;
      if (!isWhole(this.#arena, block, domain)) this.#shared.add("bad");
      for (let wait = below(50) === 0 ? 20_000 : 0; wait > 0; wait--) reader.hurry;
      if (!isWhole(this.#arena, block, domain)) this.#shared.add("bad");
      this.#shared.add("reads");
    }
    this.#dieIfTold();
    guard.unlock();
    if (domain === 1 && below(4) === 0) (reader as QsbrReader).quiescent();
  }

  #walk(domain: number): void {
    const list = this.#shared.lists[domain]!;
    const guard = this.#readers[domain]!.lock();
    let nodes = 0;
    for (let node = list.first(guard); node !== 0; node = list.next(guard, node)) {
      if (!isWhole(this.#arena, node, domain) || ++nodes > 5000) {
        this.#shared.add("bad");
        break;
      }
    }
    guard.unlock();
    this.#shared.add("walks");
  }

  #update(domain: number): void {
    const block = makeBlock(this.#arena, domain);
    const old = this.#shared.cells[domain]![below(CELLS)]!.exchange(block);
    if (old !== 0) this.#retire(domain, old);
  }

  /** Notes that a block is in this worker's hands, for the supervisor to free it if the worker dies. */
  #hold(block: number): () => void {
    const { u32 } = this.#arena;
    let word = this.#shared.data.hands / 4;
    while (u32[word] !== 0) word++;
    Atomics.store(u32, word, block);
    return () => void Atomics.store(u32, word, 0);
  }

  #retire(index: number, block: number): void {
    const domain = this.#shared.domains[index]!;
    const how = below(12);
    if (how < 8) {
      try {
        domain.deferFree(block);
        return this.#shared.add("deferred");
      } catch (error) {
        if (!(error instanceof DeferredBudgetError)) throw error;
        this.#shared.add("budget");
      }
    }
    const release = this.#hold(block);
    if (how >= 8 && how < 10) {
      this.#shared.add("functions");
      return domain.callRcu(() => {
        release();
        this.#arena.free(block);
        this.#shared.add("functionsRun");
      });
    }
    this.#synchronize(domain);
    release();
    this.#arena.free(block);
  }

  /** In parts, as one does who has other things to do as well. */
  #synchronize(domain: RcuDomain): void {
    for (;;) {
      try {
        domain.synchronize({ hurry: below(2) === 0, timeoutMs: 500 });
        return this.#shared.add("grace");
      } catch (error) {
        if (!isTimeout(error)) throw error;
        this.#dieIfTold();
      }
    }
  }

  #changeList(domain: number): void {
    const list = this.#shared.lists[domain]!;
    const mutex = this.#shared.mutexes[domain]!;
    const node = makeBlock(this.#arena, domain);
    const release = this.#hold(node);
    for (;;) {
      try {
        if (mutex.lock({ timeoutMs: 500 }) === "owner-died") {
          this.#shared.add("ownerDied");
          mutex.consistent(); // a list mends itself
        }
        break;
      } catch (error) {
        if (!isTimeout(error)) throw error;
        this.#dieIfTold();
      }
    }
    this.#dieIfTold();
    release();
    if (below(2) === 0) list.insertTail(node);
    else list.insertHead(node);
    this.#dieIfTold();
    const old = this.#oldNode(domain);
    if (old !== 0) list.remove(old);
    mutex.unlock();
    if (old !== 0) this.#retire(domain, old);
    this.#shared.add("listChanges");
  }

  /** A node to remove if the list is long. The mutex is held, so nobody else removes any. */
  #oldNode(domain: number): number {
    const list = this.#shared.lists[domain]!;
    const guard = this.#readers[domain]!.lock();
    let nodes = 0;
    let node = list.first(guard);
    while (node !== 0 && ++nodes <= LONGEST) node = list.next(guard, node);
    guard.unlock();
    return node;
  }

  #hoard(): void {
    const { u32 } = this.#arena;
    const word = this.#shared.data.hoard / 4 + below(HOARD);
    const held = Atomics.exchange(u32, word, 0);
    if (held !== 0) return this.#arena.free(held);
    const bytes = 16 + below(below(20) === 0 ? 40_000 : 2500);
    Atomics.store(u32, word, this.#arena.allocate(bytes, 16 << below(4), below(2) === 0));
  }

  #giveUpHoard(): void {
    const first = this.#shared.data.hoard / 4;
    for (let word = first; word < first + HOARD; word += 2) {
      const held = Atomics.exchange(this.#arena.u32, word, 0);
      if (held !== 0) this.#arena.free(held);
    }
  }

  /** A domain that is created, used and destroyed. */
  #comeAndGo(): void {
    const readers = 1 + below(20);
    const isRcu = below(2) === 0;
    const domain = isRcu
      ? RcuDomain.create(this.#arena, { readers })
      : Srcu.create(this.#arena, { readers });
    const { kind, offset, id } = domain.handle;
    this.#arena.u32.set([kind === "guestmem-rcu" ? 1 : 2, offset, id], this.#words + 4);
    const reader = domain.register();
    reader.lock().unlock();
    this.#dieIfTold();
    if (domain instanceof RcuDomain) domain.synchronize();
    else domain.synchronizeSrcu();
    reader.unregister();
    this.#arena.u32[this.#words + 4] = 0;
    domain.destroy();
    this.#shared.add("domains");
  }

  async #srcuTask(): Promise<void> {
    this.#tasks++;
    const guard = this.#srcuReader.lock();
    const block = this.#shared.cells[DOMAINS]![below(CELLS)]!.dereference(guard);
    const isBad = () => block !== 0 && !isWhole(this.#arena, block, DOMAINS);
    if (isBad()) this.#shared.add("bad");
    await new Promise((next) => setTimeout(next, below(5)));
    if (isBad()) this.#shared.add("bad");
    this.#dieIfTold();
    guard.unlock();
    this.#tasks--;
    this.#shared.add("srcuSections");
  }

  async #srcuUpdate(): Promise<void> {
    const { srcu, cells } = this.#shared;
    let block: number;
    try {
      block = makeBlock(this.#arena, DOMAINS);
    } catch (error) {
      if (error instanceof ArenaExhaustedError) return;
      throw error;
    }
    const old = cells[DOMAINS]![below(CELLS)]!.exchange(block);
    if (old === 0) return;
    const how = below(3);
    if (how === 0) {
      try {
        return srcu.deferFree(old);
      } catch (error) {
        if (!(error instanceof DeferredBudgetError)) throw error;
      }
    }
    const release = this.#hold(old);
    const free = () => {
      release();
      this.#arena.free(old);
    };
    if (how === 1) return srcu.callSrcu(free);
    await srcu.synchronizeSrcuAsync();
    free();
  }

  #order(): number {
    return Atomics.load(this.#arena.i32, this.#words + 1);
  }

  #dieIfTold(): void {
    const order = this.#order();
    if (order === DEATH.NONE || order === DEATH.IDLE || below(3) !== 0) return;
    this.#shared.add("orderedDeaths");
    if (order === DEATH.HANG) { for (;;); }
    if (order === DEATH.CLOSE) this.#close();
    throw new Death();
  }

  /** Idles for ever if told to, with a mutex and sections: its supervisor terminates it then. */
  async #idleIfTold(): Promise<void> {
    if (this.#order() !== DEATH.IDLE) return;
    const mutex = this.#shared.mutexes[below(DOMAINS)]!;
    if (below(2) === 0) mutex.tryLock();
    if (below(2) === 0) this.#readers[0]!.lock();
    if (below(2) === 0) this.#srcuReader.lock();
    this.#shared.add("orderedDeaths");
    Atomics.store(this.#arena.i32, this.#words + 3, 1);
    await new Promise(() => setInterval(() => {}, 1000));
  }

  /** A task of its own: what it throws ends the worker as an uncaught error. */
  #keep(task: Promise<void>): void {
    task.catch((error) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  /** Counts an error that nobody catches, unless it is an ordered death or follows an expulsion. */
  report(error: unknown): void {
    if (error instanceof Death || error instanceof EvictedError) return;
    this.#shared.add("errors");
    console.log(error);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof RcuError && error.hasCode("WAIT_TIMEOUT");
}
