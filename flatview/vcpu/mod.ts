/**
 * Guest memory for a CPU core of any kind: an interpreter, a JIT, a core in WebAssembly.
 *
 * A core keeps a TLB of its own and asks a {@linkcode PageResolver} at its misses: where a guest page
 * lies, and what may be done with it there. Anything that is not memory takes one call to the same object.
 * {@linkcode VcpuLoop} runs the core, and {@linkcode VcpuControl} steers it from other contexts.
 *
 * @example
 * ```ts
 * import { PageAccess, type PageResolver } from "@guestmem/flatview/vcpu";
 *
 * // Loads a word that a core's TLB does not have.
 * function missedLoad(resolver: PageResolver, address: number, fill: (at: number) => void): number {
 *   const access = resolver.resolve(Math.floor(address / 4096));
 *   if (access & PageAccess.READ) fill(resolver.at);
 *   return resolver.load(address, 4);
 * }
 * ```
 *
 * @module
 */

export { VIRTUAL_TLB_BYTES } from "./assembly/layouts.ts";
export { PageAccess } from "./page_extents.ts";
export { PageResolver } from "./page_resolver.ts";
export { Tlb } from "./tlb.ts";
export { VcpuControl } from "./vcpu_control.ts";
export { type VcpuCore, VcpuLoop, type VcpuMemory, type VcpuReader } from "./vcpu_loop.ts";
