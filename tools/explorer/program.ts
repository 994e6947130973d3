/**
 * A program to explore: a kernel, a memory, the threads that run over it and what must hold.
 *
 * @module
 */

import type { Value } from "./arithmetic.ts";
import type { Module } from "./decode.ts";
import type { AnyScript, Scalar } from "./script.ts";

/** One thread. */
export interface Thread {
  /** What traces call it. */
  readonly name: string;
  /** What it does. */
  readonly script: AnyScript;
  /** The arguments of the script. */
  readonly args?: readonly Scalar[];
  /** Whether it may stop for ever before any of its steps, as a terminated worker does. */
  readonly dies?: boolean;
}

/** Bytes of the memory that are allocated and freed as one. */
export interface Block {
  /** Where it begins. */
  readonly at: number;
  /** How many bytes it has. */
  readonly bytes: number;
  /** Whether it is free at the start. */
  readonly free?: boolean;
}

/** The memory at one moment, to look at. */
export interface MemoryView {
  /** The word at a byte address, unsigned. */
  load32(address: number): number;
  /** The 64 bits at a byte address, as a number. */
  load64(address: number): number;
}

/** What a program's memory is filled with. Byte 0 of it is the byte at the program's `origin`. */
export interface InitialMemory {
  /** The memory by bytes. */
  readonly u8: Uint8Array;
  /** The memory by words, as the layouts take it. */
  readonly u32: Uint32Array;
}

/** A program to explore. */
export interface Program {
  /** The kernel whose functions the threads call, and of which there may be mutants. */
  readonly kernel: Module;
  /** Other kernels over the same memory whose functions they call. */
  readonly helpers?: readonly Module[];
  /** The kernel's imported globals by name, as `env.NAME`. */
  readonly globals?: Readonly<Record<string, Value>>;
  /** Bytes of the memory, a multiple of 8: only as many as the program needs. */
  readonly bytes: number;
  /**
   * The address of the memory's first byte, a multiple of 8; 0 unless given. There is nothing below it:
   * a small memory may lie across 2^31, where signed and unsigned addresses differ.
   */
  readonly origin?: number;
  /** Fills the memory, which is zero, before the threads start. */
  readonly setUp?: (memory: InitialMemory) => void;
  /** Blocks by name, whose use after they were freed is a failure. */
  readonly blocks?: Readonly<Record<string, Block>>;
  /** The threads. */
  readonly threads: readonly Thread[];
  /** Checked in every state. It keeps the explorer from leaving out most orders of stores. */
  readonly invariant?: (memory: MemoryView) => void;
  /** Checked in every state in which all threads have ended or died. */
  readonly atEnd?: (memory: MemoryView) => void;
  /** Whether threads may sleep for ever in the end: then only a livelock is a failure. */
  readonly mayEndAsleep?: boolean;
  /** What is at a byte address, for traces. */
  readonly nameOf?: (address: number) => string | undefined;
  /**
   * Whether the word at a byte address may be accessed plainly by several threads at once, which is
   * a race anywhere else. Plain accesses of 32 bits to it are weaker then: see `weak_memory.ts`.
   */
  readonly mayRace?: (address: number) => boolean;
}
