/**
 * What the test suites need of an ELF file: its segments, entry and symbols.
 *
 * @module
 */

/** A program for the guest. */
export interface Program {
  /** Where it starts. */
  readonly entry: bigint;
  readonly segments: readonly Segment[];
  /** Addresses by name. */
  readonly symbols: ReadonlyMap<string, number>;
}

/** Bytes that are loaded; the memory behind them is zero. */
export interface Segment {
  /** Guest physical address. */
  readonly address: number;
  readonly bytes: Uint8Array;
}

const LOAD = 1;
const SYMBOL_TABLE = 2;

/**
 * Reads a little-endian RISC-V ELF file of 64 bits.
 *
 * @throws {RangeError} If it is none, or if it ends early.
 */
export function parseElf(file: Uint8Array): Program {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) {
    throw new RangeError("Cannot read the program: it is no little-endian ELF file of 64 bits");
  }
  const machine = view.getUint16(18, true);
  if (machine !== 243) {
    throw new RangeError(
      `Cannot run the program: its machine must be 243 (RISC-V), and is ${machine}`,
    );
  }
  return { entry: view.getBigUint64(24, true), segments: segments(view), symbols: symbols(view) };
}

function number(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function part(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

/** Offsets of the entries of a table that the file's header describes. */
function entries(view: DataView, table: number, sizeAt: number): number[] {
  const first = number(view, table), size = view.getUint16(sizeAt, true);
  const count = view.getUint16(sizeAt + 2, true);
  return Array.from({ length: count }, (_, index) => first + index * size);
}

function segments(view: DataView): Segment[] {
  return entries(view, 32, 54).filter((at) => view.getUint32(at, true) === LOAD).map((at) => ({
    address: number(view, at + 24),
    bytes: part(view, number(view, at + 8), number(view, at + 32)),
  }));
}

function symbols(view: DataView): Map<string, number> {
  const found = new Map<string, number>();
  const sections = entries(view, 40, 58);
  for (const at of sections) {
    if (view.getUint32(at + 4, true) !== SYMBOL_TABLE) continue;
    const names = number(view, sections[view.getUint32(at + 40, true)]! + 24);
    const first = number(view, at + 24), size = number(view, at + 32);
    for (let symbol = first; symbol < first + size; symbol += 24) {
      found.set(text(view, names + view.getUint32(symbol, true)), number(view, symbol + 8));
    }
  }
  return found;
}

/** A string that a zero ends. */
function text(view: DataView, at: number): string {
  let end = at;
  while (view.getUint8(end)) end++;
  return new TextDecoder().decode(part(view, at, end - at));
}
