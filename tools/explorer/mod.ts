/**
 * Explores every order in which threads can run a kernel's own WebAssembly, with deaths.
 * `README.md` says what that is for and how programs are written.
 *
 * @module
 */

export { type Code, decode, decodeKernel, type Module } from "./decode.ts";
export type { Exploration } from "./gate.ts";
export { explore, type ExploreOptions, type Failure, type Outcome } from "./explore.ts";
export { nameWords, type Placed } from "./names.ts";
export type { Block, InitialMemory, MemoryView, Program, Thread } from "./program.ts";
export {
  again,
  allocate,
  type Calls,
  calls,
  check,
  choose,
  dead,
  free,
  run,
  type Script,
  type Step,
  type Steps,
} from "./script.ts";
