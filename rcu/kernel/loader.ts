/**
 * Loading a WebAssembly kernel that a package embeds.
 *
 * @module
 */

/**
 * Creates the loader of a kernel. It compiles the module once in each context and instantiates it once
 * over each memory: a call site that sees several instances is megamorphic and three times slower.
 *
 * @param base64 The module, which imports its memory as `env.memory`. In base64, because a worker
 * of a
 * published package has no file to load it from.
 * @returns The loader: it gives the kernel's functions over a shared memory of at most 65,536
 * pages; they live as
 * long as the memory.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { kernelLoader } from "@guestmem/rcu/internal";
 * import { assertEquals } from "@std/assert";
 *
 * // A module that imports a memory and exports a function without effect, `nop`.
 * const NOP = "AGFzbQEAAAABBAFgAAACEgEDZW52Bm1lbW9yeQIDAYCABAMCAQAHBwEDbm9wAAAKBAECAAs=";
 * const kernelOf = kernelLoader<{ nop(): void }>(NOP);
 *
 * const { memory } = Arena.create({ bytes: 1 << 20 });
 * kernelOf(memory).nop();
 * assertEquals(kernelOf(memory), kernelOf(memory));
 * ```
 */
export function kernelLoader<Kernel>(base64: string): (memory: WebAssembly.Memory) => Kernel {
  let compiled: WebAssembly.Module | undefined;
  const instances = new WeakMap<WebAssembly.Memory, Kernel>();
  return (memory) => {
    const known = instances.get(memory);
    if (known !== undefined) return known;
    compiled ??= new WebAssembly.Module(
      Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
    );
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    instances.set(memory, exports as Kernel);
    return exports as Kernel;
  };
}
