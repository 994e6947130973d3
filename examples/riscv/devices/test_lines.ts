/**
 * What interrupt controllers need, without a machine, for tests.
 *
 * @module
 */

import { Arena, type ArenaHandle } from "@guestmem/rcu";
import { hartAreaSize } from "../hart/hart.ts";
import { InterruptLines } from "../signals/interrupt_lines.ts";
import { CLOCK } from "../signals/machine_clock.ts";
import { ACLINT } from "./aclint.ts";
import { PLIC } from "./plic.ts";

/** What another worker attaches with. */
export interface BoardHandles {
  readonly arena: ArenaHandle;
  readonly window: WebAssembly.Memory;
  readonly areas: readonly number[];
  /** A word for each hart, which counts what may wake it. */
  readonly bells: SharedArrayBuffer;
  readonly plic: number;
  readonly aclint: number;
  readonly clock: number;
}

/** A worker's view. */
export interface TestBoard extends BoardHandles {
  readonly memory: Arena;
  readonly lines: InterruptLines;
  readonly rings: Int32Array;
  readonly handles: BoardHandles;
}

/** Creates shared memory with a PLIC, an ACLINT and a clock in it. */
export function createBoard(harts: number): TestBoard {
  const arena = Arena.create({ bytes: 1 << 20 });
  const bytes = Math.ceil(hartAreaSize(1) / 64) * 64;
  const pages = Math.ceil(harts * bytes / 65536);
  return assemble(arena, {
    arena: arena.handle,
    window: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
    areas: Array.from({ length: harts }, (_, hart) => hart * bytes),
    bells: new SharedArrayBuffer(4 * harts),
    plic: arena.allocate(PLIC.size, PLIC.alignment),
    aclint: arena.allocate(ACLINT.size, ACLINT.alignment),
    clock: arena.allocate(CLOCK.size, CLOCK.alignment),
  });
}

/** Attaches a worker. */
export function attachBoard(handles: BoardHandles): TestBoard {
  return assemble(Arena.attach(handles.arena), handles);
}

function assemble(memory: Arena, handles: BoardHandles): TestBoard {
  const rings = new Int32Array(handles.bells);
  const bells = Array.from(rings, (_, hart) => ({
    wake(): void {
      Atomics.add(rings, hart, 1);
      Atomics.notify(rings, hart);
    },
  }));
  const lines = new InterruptLines(handles.window, handles.areas, bells);
  return { ...handles, memory, lines, rings, handles };
}
