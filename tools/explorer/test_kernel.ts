/**
 * A small kernel for tests of the explorer: single accesses, atomic and plain.
 *
 * @module
 */

import { decode } from "./decode.ts";
import { assemble } from "./encode.ts";
import { type Calls, calls } from "./script.ts";

/** Its functions. */
export interface TestKernel {
  /** An atomic load. */
  load(at: number): number;
  /** An atomic store. */
  store(at: number, value: number): void;
  /** An atomic addition; returns what was there. */
  add(at: number, value: number): number;
  /** An atomic compare-and-exchange; returns what was there. */
  cas(at: number, expected: number, value: number): number;
  /** A plain load. */
  plainLoad(at: number): number;
  /** A plain store. */
  plainStore(at: number, value: number): void;
  /** Sleeps while the word holds a value; nanoseconds below 0: for ever. */
  wait(at: number, value: number, nanoseconds: number): number;
  /** Wakes sleepers; returns how many. */
  notify(at: number, count: number): number;
  /** Fills bytes. */
  fill(at: number, value: number, bytes: number): void;
  /** Copies bytes. */
  copy(to: number, from: number, bytes: number): void;
  /** Adds to a word until it has the value: a load and a compare-and-exchange each time. */
  raise(at: number, value: number): void;
  /** Traps. */
  trap(): void;
}

const two = "local.get 0 local.get 1";
const three = `${two} local.get 2`;

/** Its bytes. */
export const TEST_KERNEL_BYTES: Uint8Array = assemble({
  load: { params: "i", results: "i", body: "local.get 0 i32.atomic.load 0" },
  store: { params: "ii", body: `${two} i32.atomic.store 0` },
  add: { params: "ii", results: "i", body: `${two} i32.atomic.rmw.add 0` },
  cas: { params: "iii", results: "i", body: `${three} i32.atomic.rmw.cmpxchg 0` },
  plainLoad: { params: "i", results: "i", body: "local.get 0 i32.load 0" },
  plainStore: { params: "ii", body: `${two} i32.store 0` },
  wait: {
    params: "iii",
    results: "i",
    body: `${two} local.get 2 i64.extend_i32_s memory.atomic.wait32 0`,
  },
  notify: { params: "ii", results: "i", body: `${two} memory.atomic.notify 0` },
  fill: { params: "iii", body: `${three} memory.fill 0` },
  copy: { params: "iii", body: `${three} memory.copy 0` },
  raise: {
    params: "ii",
    locals: "i",
    body: `loop void
      local.get 0 i32.atomic.load 0 local.tee 2
      local.get 1 i32.lt_u if void
        local.get 0 local.get 2 local.get 2 i32.const 1 i32.add i32.atomic.rmw.cmpxchg 0 drop
        br 1
      end
    end`,
  },
  trap: { body: "unreachable" },
});

/** The kernel. */
export const testKernel = decode(TEST_KERNEL_BYTES);

/** Its functions, as steps. */
export const t: Calls<TestKernel> = calls<TestKernel>(testKernel);
