/**
 * The machine that threads run on: it makes one step of one thread, in place, in a state.
 *
 * A state is an array of words: the words of memory that threads write, then for each block 1 if it is
 * free, then for each thread the number of its state times 4 plus whether it runs, sleeps or is dead.
 *
 * @module
 */

import { type Access, writes } from "./access.ts";
import type { Futures } from "./futures.ts";
import type { Locations } from "./locations.ts";
import { Memory } from "./memory.ts";
import type { MemoryView, Program } from "./program.ts";
import { CheckFailure } from "./script.ts";
import { type ThreadState, ThreadStates } from "./thread_states.ts";
import { waysToWake } from "./waking.ts";
import { acquires, releases, WeakMemory } from "./weak_memory.ts";

/** What is wrong in a state. */
export interface Fault {
  /** Which detector found it. */
  readonly kind:
    | "check"
    | "trap"
    | "race"
    | "use after free"
    | "deadlock"
    | "livelock"
    | "too many states";
  /** What it is, in words. */
  readonly says: string;
}

const RUNS = 0;
const SLEEPS = 1;
const DEAD = 2;

/** The choice of a store that lingers and reaches memory: this, plus the number of its word. */
export const LAND = 32;
/** The choice of a thread that dies. */
export const DIE = 63;

/** Runs the threads of one program. */
export class Machine {
  /** The memory in states. */
  readonly memory: Memory;
  /** How many threads there are. */
  readonly threads: number;
  readonly #program: Program;
  readonly #locations: Locations;
  readonly #states: ThreadStates;
  readonly #first: number;
  readonly #weak: WeakMemory | undefined;

  /**
   * Sets a program up.
   *
   * @param program The program.
   * @param locations Its locations.
   * @param futures Is told of what threads do.
   * @param executed Receives the byte offset of every instruction that is run.
   */
  constructor(program: Program, locations: Locations, futures: Futures, executed: Set<number>) {
    this.#program = program;
    this.#locations = locations;
    this.#states = new ThreadStates(program, locations, futures, executed);
    this.#first = locations.firstThread;
    this.threads = program.threads.length;
    const u8 = new Uint8Array(program.bytes);
    program.setUp?.({ u8, u32: new Uint32Array(u8.buffer) });
    this.memory = new Memory(new Int32Array(u8.buffer), locations.slotOf);
    const isRacing = (word: number) => locations.isRacing(word);
    const weak = new WeakMemory(locations.slotOf, isRacing, this.threads, locations.stateLength);
    this.#weak = weak.words > 0 ? weak : undefined;
  }

  /** Whether some words are weaker than sequentially consistent: then nothing may be left out. */
  get isWeak(): boolean {
    return this.#weak !== undefined;
  }

  /** The first state. */
  initial(): Int32Array {
    const state = new Int32Array(this.#locations.stateLength + (this.#weak?.length ?? 0));
    this.#locations.slotOf.forEach((slot, word) => {
      if (slot >= 0) state[slot] = this.memory.initial[word]!;
    });
    Object.values(this.#program.blocks ?? {}).forEach(({ free }, block) => {
      state[this.#locations.firstBlock + block] = Number(free ?? false);
    });
    for (let thread = 0; thread < this.threads; thread++) {
      state[this.#first + thread] = this.#states.first(thread).id * 4;
    }
    return state;
  }

  /** The state of a thread. */
  thread(state: Int32Array, thread: number): ThreadState {
    return this.#states.get(state[this.#first + thread]! >> 2);
  }

  /** Whether a thread has died. */
  isDead(state: Int32Array, thread: number): boolean {
    return state[this.#first + thread] === DEAD;
  }

  /** Whether a thread sleeps. */
  sleeps(state: Int32Array, thread: number): boolean {
    return (state[this.#first + thread]! & 3) === SLEEPS;
  }

  /** Whether a thread has come to its end or died. */
  hasEnded(state: Int32Array, thread: number): boolean {
    if (this.isDead(state, thread)) return true;
    return !this.thread(state, thread).access && this.lingering(state, thread) === 0;
  }

  /** The words, as bits, whose stores by a thread have not reached memory yet. */
  lingering(state: Int32Array, thread: number): number {
    return this.#weak?.lingering(state, thread) ?? 0;
  }

  /** How many ways there are for a thread to go on, its death aside: 0 if it cannot. */
  choices(state: Int32Array, thread: number): number {
    const word = state[this.#first + thread]!;
    if ((word & 3) === DEAD) return 0;
    const { access } = this.#states.get(word >> 2);
    if (!access) return 0;
    if ((word & 3) === SLEEPS) return access.timesOut ? 1 : 0;
    const racing = this.#weak?.wordOf(access) ?? -1;
    if (racing >= 0 && access.kind === "load") return this.#weak!.values(state, thread, racing);
    if (releases(access) && this.lingering(state, thread) !== 0) return 0;
    if (access.kind === "choose") return access.bytes;
    // All sleepers are woken in one way, whoever they are.
    if (access.kind !== "notify" || access.low < 0) return 1;
    return waysToWake(this, state, access).length;
  }

  /** Whether a thread may die now. */
  mayDie(state: Int32Array, thread: number): boolean {
    return this.#program.threads[thread]!.dies === true && !this.hasEnded(state, thread);
  }

  /** Lets a thread make its step, in place. `choice` is one of its ways, or `DIE`. */
  apply(state: Int32Array, thread: number, choice: number): Fault | undefined {
    if (choice === DIE) {
      state[this.#first + thread] = DEAD;
      this.#weak?.drop(state, thread);
      return undefined;
    }
    if (choice >= LAND) {
      this.#weak!.land(state, thread, choice - LAND);
      this.#forgetEnded(state);
      return undefined;
    }
    const from = this.thread(state, thread);
    const access = from.access!;
    if (this.sleeps(state, thread)) return this.#settle(state, from, 2, 0);
    const { firstBlock } = this.#locations;
    switch (access.kind) {
      case "free":
      case "allocate": {
        const isFree = Number(access.kind === "free");
        if (state[firstBlock + access.address] === isFree) return this.#doubly(access);
        state[firstBlock + access.address] = isFree;
        return this.#settle(state, from, 0, 0);
      }
      case "dead":
        return this.#settle(state, from, Number(this.isDead(state, access.address)), 0);
      case "choose":
        return this.#settle(state, from, choice, 0);
      case "fence":
        return this.#settle(state, from, 0, 0);
      default:
        return this.#freed(state, access) ?? this.#access(state, from, access, choice);
    }
  }

  /** The value that a plain load of a word that may race gives by a choice. */
  valueRead(state: Int32Array, thread: number, choice: number): number | undefined {
    const { access } = this.thread(state, thread);
    const word = access?.kind === "load" ? this.#weak?.wordOf(access) ?? -1 : -1;
    return word < 0 ? undefined : this.#weak!.load(state.slice(), thread, word, choice);
  }

  /** A look at the memory of a state. */
  view(state: Int32Array): MemoryView {
    const { origin = 0 } = this.#program;
    const load32 = (at: number) => this.memory.word(state, (at - origin) >>> 2) >>> 0;
    return {
      load32,
      load64: (address) => load32(address) + load32(address + 4) * 2 ** 32,
    };
  }

  /** What a look at the memory finds wrong. */
  look(state: Int32Array, at: ((memory: MemoryView) => void) | undefined): Fault | undefined {
    try {
      at?.(this.view(state));
    } catch (error) {
      if (error instanceof CheckFailure) return { kind: "check", says: error.message };
      throw error;
    }
    return undefined;
  }

  #access(
    state: Int32Array,
    from: ThreadState,
    access: Access,
    choice: number,
  ): Fault | undefined {
    const { memory } = this;
    const { kind, address, bytes } = access;
    if (kind === "notify") return this.#notify(state, from, access, choice);
    const racing = this.#weak?.wordOf(access) ?? -1;
    if (racing >= 0) return this.#race(state, from, racing, choice);
    const before = this.#weak?.current(state);
    if (writes(kind)) memory.change(state, access);
    else memory.load(state, address, bytes);
    if (before) {
      this.#weak!.changed(state, from.thread, before);
      if (acquires(access)) this.#weak!.acquire(state, from.thread);
      this.#forgetEnded(state);
    }
    if (kind === "wait") {
      if (memory.low !== access.low || memory.high !== access.high) {
        return this.#settle(state, from, 1, 0);
      }
      state[this.#first + from.thread]! |= SLEEPS;
      return undefined;
    }
    if (kind === "store" || kind === "fill" || kind === "copy") {
      return this.#settle(state, from, 0, 0);
    }
    return this.#settle(state, from, memory.low, memory.high);
  }

  /** A plain access to a word that may race. */
  #race(state: Int32Array, from: ThreadState, word: number, choice: number): Fault | undefined {
    const weak = this.#weak!;
    const { kind, low } = from.access!;
    if (kind === "load") {
      return this.#settle(state, from, weak.load(state, from.thread, word, choice), 0);
    }
    weak.store(state, from.thread, word, low);
    return this.#settle(state, from, 0, 0);
  }

  /** Threads that have ended look at nothing any more. */
  #forgetEnded(state: Int32Array): void {
    for (let thread = 0; thread < this.threads; thread++) {
      if (this.hasEnded(state, thread)) this.#weak!.drop(state, thread);
    }
  }

  #notify(state: Int32Array, from: ThreadState, access: Access, choice: number): Fault | undefined {
    const woken = waysToWake(this, state, access)[choice]!;
    for (const thread of woken) {
      this.#weak?.acquire(state, thread);
      const fault = this.#settle(state, this.thread(state, thread), 0, 0);
      if (fault) return fault;
    }
    return this.#settle(state, from, woken.length, 0);
  }

  /** Lets a thread go on with what its step read. */
  #settle(state: Int32Array, from: ThreadState, low: number, high: number): Fault | undefined {
    const next = this.#states.next(from, low, high);
    state[this.#first + from.thread] = next.id * 4 + RUNS;
    if (this.#weak && this.hasEnded(state, from.thread)) this.#weak.drop(state, from.thread);
    return next.failure;
  }

  #doubly({ kind, address }: Access): Fault {
    const block = this.#locations.blocks[address]!;
    const says = kind === "free"
      ? `block ${block} is freed twice`
      : `block ${block} is allocated while it is in use`;
    return { kind: "use after free", says };
  }

  #freed(state: Int32Array, { address, bytes, kind, expectedLow }: Access): Fault | undefined {
    const places = [address, address + bytes - 1];
    if (kind === "copy") places.push(expectedLow, expectedLow + bytes - 1);
    for (const at of places) {
      const block = this.#locations.blockAt(at);
      if (block < 0 || state[this.#locations.firstBlock + block] === 0) continue;
      const says = `an access to block ${this.#locations.blocks[block]}, which is freed`;
      return { kind: "use after free", says };
    }
    return undefined;
  }
}
