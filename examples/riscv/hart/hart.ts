/**
 * A RISC-V hart over a shared memory: what a worker creates and runs slice by slice.
 *
 * @module
 */

import { KERNEL_BASE64 } from "./kernel/bytes.ts";
import { AREA, DECODED, EXIT, HART, MMIO, RESOLUTION } from "./kernel/layouts.ts";

export { EXIT, HART, RESOLUTION };

/** What a hart is made of. */
export interface HartOptions {
  /** Holds the hart's area, and the guest's RAM as far as the hart reaches it without an exit. */
  readonly memory: WebAssembly.Memory;
  /** Address of the hart's area in `memory`: {@linkcode hartAreaSize} bytes that are zero. */
  readonly area: number;
  /** How many pages of decoded instructions the area has room for: a power of two. */
  readonly decodedPages: number;
  /** `mhartid`. */
  readonly id: number;
  /**
   * Where a guest physical page lies. Called at a miss; the answer is kept until
   * {@linkcode Hart.flush}.
   *
   * @param page The page's number: its address divided by 4096.
   * @returns The page's address in `memory`, or'ed with {@linkcode RESOLUTION}; 0 if each access
   * has to go to a device.
   */
  readonly resolve: (page: number) => number;
  /** Called when the guest is about to store to a page that is `LOGGED`, once until {@linkcode Hart.flush}. */
  readonly mark?: (page: number) => void;
  /** `mtime` in ticks. */
  readonly time: () => number;
}

/** Bytes of a hart's area. It begins at a multiple of 64. */
export function hartAreaSize(decodedPages: number): number {
  return AREA.size + decodedPages * DECODED.size;
}

/** An access to a device that a slice ended with. */
export interface MmioAccess {
  /** Guest physical address. */
  readonly address: bigint;
  /** 1, 2, 4 or 8 bytes. */
  readonly size: number;
  /** What is stored; 0 for a load. */
  readonly value: bigint;
}

interface Kernel {
  attach(area: number, decodedPages: number): void;
  flush(): void;
  run(budget: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** Each hart has an instance, which keeps its floating-point flags and TLB addresses. */
function instantiate(options: HartOptions): Kernel {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(atob(KERNEL_BASE64), (character) => character.charCodeAt(0)),
  );
  const pageOf = (low: number, high: number) => (high >>> 0) * 2 ** 32 + (low >>> 0);
  const resolve = (low: number, high: number) => options.resolve(pageOf(low, high));
  const mark = (low: number, high: number) => options.mark?.(pageOf(low, high));
  const env = { memory: options.memory, resolve, mark, time: options.time };
  return new WebAssembly.Instance(compiled, { env }).exports as unknown as Kernel;
}

/** A hart's state in shared memory. Another context may look at it while the hart is paused. */
export class HartState {
  /** Address of the state. */
  protected readonly base: number;
  /** The memory as words. */
  protected readonly u32: Uint32Array;
  readonly #words: BigUint64Array;

  /** @param area Address of the hart's area in `memory`. */
  constructor({ buffer }: WebAssembly.Memory, area: number) {
    this.base = AREA.hart.at(area);
    this.u32 = new Uint32Array(buffer);
    this.#words = new BigUint64Array(buffer);
  }

  /** An integer register. */
  x(register: number): bigint {
    return this.#words[(HART.x.at(this.base) >>> 3) + register]!;
  }

  setX(register: number, value: bigint): void {
    if (register) this.#words[(HART.x.at(this.base) >>> 3) + register] = value;
  }

  /** A floating-point register's bits. */
  f(register: number): bigint {
    return this.#words[(HART.f.at(this.base) >>> 3) + register]!;
  }

  setF(register: number, value: bigint): void {
    this.#words[(HART.f.at(this.base) >>> 3) + register] = value;
  }

  /** A word of the state, between slices. */
  get<Name extends HartWord>(name: Name): WordValue<Name> {
    const at = (HART[name] as { at(base: number): number }).at(this.base);
    return (isNarrow(name) ? this.u32[at >>> 2] : this.#words[at >>> 3]) as WordValue<Name>;
  }

  set<Name extends HartWord>(name: Name, value: WordValue<Name>): void {
    const at = (HART[name] as { at(base: number): number }).at(this.base);
    if (typeof value === "number") this.u32[at >>> 2] = value;
    else this.#words[at >>> 3] = value;
  }
}

/** A hart. One context runs it. */
export class Hart extends HartState {
  readonly #kernel: Kernel;

  /**
   * Resets the hart: M mode, no translation, `pc` 0, all registers 0. Its interrupt lines stay as they
   * are: another hart may have raised one already.
   */
  constructor(options: HartOptions) {
    super(options.memory, options.area);
    this.u32.fill(0, this.base / 4, HART.lines.index(this.base));
    this.set("privilege", 3);
    this.set("mstatus", 0n);
    this.set("mhartid", BigInt(options.id));
    this.set("stimecmp", 2n ** 64n - 1n);
    this.#kernel = instantiate(options);
    this.#kernel.attach(options.area, options.decodedPages);
  }

  /**
   * Runs a slice.
   *
   * @param budget The most instructions to run.
   * @returns Why it ended: one of {@linkcode EXIT}. After an MMIO exit the access is in
   * {@linkcode Hart.mmio}, and is answered before the next slice.
   */
  run(budget: number): number {
    return this.#kernel.run(budget);
  }

  /** Forgets what `resolve` answered. Between slices, when the guest's memory map has changed. */
  flush(): void {
    this.#kernel.flush();
  }

  /** The access that the last slice ended with. */
  get mmio(): MmioAccess {
    const isStore = this.get("mmioKind") === MMIO.STORE;
    return {
      address: this.get("mmioAddress"),
      size: this.get("mmioSize"),
      value: isStore ? this.get("mmioValue") : 0n,
    };
  }

  /** Answers a load with its value, zero-extended. */
  answer(value: bigint): void {
    this.set("mmioValue", value);
  }

  /** Makes the access fail: the next slice begins with an access fault. */
  refuse(): void {
    const isStore = this.get("mmioKind") === MMIO.STORE;
    this.set("mmioKind", isStore ? MMIO.REFUSED_STORE : MMIO.REFUSED_LOAD);
  }

  /** Raises or lowers interrupt lines, given as bits of `mip`. Any context may do so. */
  setLines(mask: number, level: boolean): void {
    const index = HART.lines.index(this.base);
    if (level) Atomics.or(this.u32, index, mask);
    else Atomics.and(this.u32, index, ~mask);
  }
}

const NARROW = [
  "privilege",
  "roundingMode",
  "floatFlags",
  "mmioKind",
  "mmioSize",
  "mmioOperation",
  "mmioRegister",
  "lines",
] as const;
type NarrowWord = (typeof NARROW)[number];
type Other = "x" | "f" | "pmpaddr" | "pmpcfg" | "scratch" | "barrier" | "size" | "alignment";
/** The name of a single word of the state. */
export type HartWord = Exclude<keyof typeof HART, Other>;
/** Words of 32 bits are numbers, others bigints. */
export type WordValue<Name extends HartWord> = Name extends NarrowWord ? number : bigint;

function isNarrow(name: string): boolean {
  return (NARROW as readonly string[]).includes(name);
}
