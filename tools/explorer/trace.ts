/**
 * Traces in words: which thread makes which step, on which word, with which values.
 *
 * @module
 */

import type { Access } from "./access.ts";
import { writes } from "./access.ts";
import { DIE, LAND, type Machine } from "./machine.ts";
import type { Program } from "./program.ts";
import type { Found } from "./search.ts";
import type { Move } from "./state_graph.ts";
import type { ThreadState } from "./thread_states.ts";

/** The steps that lead to a fault, a line each. */
export function traceOf(program: Program, machine: Machine, found: Found): string[] {
  const writer = new TraceWriter(program, machine);
  const state = machine.initial();
  const lines = found.path.map((move) => writer.step(state, move));
  const next = found.threads?.map((thread) => writer.next(state, thread)) ?? [];
  return [...lines, ...next];
}

/** Writes lines of a trace. */
class TraceWriter {
  readonly #program: Program;
  readonly #machine: Machine;

  constructor(program: Program, machine: Machine) {
    this.#program = program;
    this.#machine = machine;
  }

  /** Makes a step, in place, and says what it did. */
  step(state: Int32Array, { thread, choice }: Move): string {
    const from = this.#machine.thread(state, thread);
    const slept = this.#machine.sleeps(state, thread);
    const before = state.slice();
    this.#machine.apply(state, thread, choice);
    if (choice === DIE) return `${this.#name(thread)} dies`;
    if (choice >= LAND) return `${this.#name(thread)}: a plain store reaches memory`;
    const early = this.#machine.valueRead(before, thread, choice);
    if (this.#machine.lingering(state, thread) > this.#machine.lingering(before, thread)) {
      const { address, bytes, low } = from.access!;
      return `${this.#caller(from)}: plain store ${this.#word(address, bytes)} lingers with ${low}`;
    }
    if (early !== undefined) {
      const { address, bytes } = from.access!;
      return `${this.#caller(from)}: plain load ${this.#word(address, bytes)} = ${early}`;
    }
    if (slept) return `${this.#caller(from)}: its sleep times out`;
    return `${this.#caller(from)}: ${this.#what(from, before, state)}`;
  }

  /** What a thread is about to do. */
  next(state: Int32Array, thread: number): string {
    const from = this.#machine.thread(state, thread);
    const { kind, address, atomic, bytes } = from.access!;
    return `${this.#caller(from)}: next, ${atomic ? "" : "plain "}${kind} ${
      this.#word(address, bytes)
    }`;
  }

  #name(thread: number): string {
    return this.#program.threads[thread]!.name;
  }

  #caller({ thread, call }: ThreadState): string {
    return call ? `${this.#name(thread)}: ${call}` : this.#name(thread);
  }

  #what({ access, thread }: ThreadState, before: Int32Array, after: Int32Array): string {
    const { kind, address, bytes, atomic } = access!;
    const word = this.#word(address, bytes);
    const plain = atomic ? "" : "plain ";
    if (kind === "free" || kind === "allocate") {
      return `${kind}s ${Object.keys(this.#program.blocks ?? {})[address]}`;
    }
    if (kind === "dead") {
      const died = this.#machine.isDead(before, address);
      return `finds ${this.#name(address)} ${died ? "dead" : "alive"}`;
    }
    if (kind === "choose" || kind === "fence") return kind;
    if (kind === "notify") return `notify ${word}${this.#woken(before, after)}`;
    if (kind === "wait") {
      const value = this.#value(access!.low, access!.high, bytes);
      if (this.#machine.sleeps(after, thread)) return `sleeps on ${word} = ${value}`;
      return `wait ${word} = ${this.#load(before, access!)}, not ${value}`;
    }
    if (kind === "fill" || kind === "copy") return `${kind} ${bytes} bytes at ${word}`;
    if (!writes(kind)) return `${plain}${kind} ${word} = ${this.#load(before, access!)}`;
    const [old, now] = [this.#load(before, access!), this.#load(after, access!)];
    if (kind === "cmpxchg" && old === now) {
      const expected = this.#value(access!.expectedLow, access!.expectedHigh, bytes);
      return `cmpxchg ${word} = ${old}, expected ${expected}`;
    }
    const name = kind === "rmw" ? access!.operator : kind;
    return `${plain}${name} ${word} ${old} -> ${now}`;
  }

  #woken(before: Int32Array, after: Int32Array): string {
    const woken = this.#program.threads.filter((_, thread) => {
      return this.#machine.sleeps(before, thread) && !this.#machine.sleeps(after, thread);
    });
    return woken.length === 0
      ? ", wakes nobody"
      : `, wakes ${woken.map(({ name }) => name).join(", ")}`;
  }

  #load(state: Int32Array, { address, bytes }: Access): string {
    const { memory } = this.#machine;
    memory.load(state, address, bytes);
    return this.#value(memory.low, memory.high, bytes);
  }

  #value(low: number, high: number, bytes: number): string {
    const value = BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
    return value < 0x10000n || bytes < 4 ? `${value}` : `0x${value.toString(16)}`;
  }

  #word(address: number, bytes: number): string {
    const at = address + (this.#program.origin ?? 0);
    return this.#program.nameOf?.(at) ?? `${bytes} bytes at ${at}`;
  }
}
