/**
 * Slow, obvious models of the walks: the formats' rules one by one, in BigInt.
 *
 * @module
 */

/** What a walk finds: the translated address and its permissions, or the fault and the entry with it. */
export type Outcome = { address: bigint; mask: bigint; perm: number } | {
  fault: string;
  entry: bigint | null;
};

const bits = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const bit = (value: bigint, at: number): boolean => bits(value, at, at) === 1n;

/** Loads eight bytes; null outside memory. */
export type Load = (address: bigint) => bigint | null;

/** A walk of VT-d's tables in legacy mode. */
export function slowVtd(
  load: Load,
  root: bigint,
  source: number,
  address: bigint,
  access: number,
  haw: number,
): Outcome {
  const beyond = (value: bigint): boolean => value >> BigInt(haw) !== 0n;
  if (!bit(root, 0)) return { address, mask: 0x3fff_ffffn, perm: 3 };
  if (bits(root, 11, 10) !== 0n) return { fault: "modeReserved", entry: null };
  const rootAt = (bits(root, 63, 12) << 12n) + BigInt(source >> 8) * 16n;
  const rootEntry = load(rootAt);
  if (rootEntry === null) return { fault: "tableOutsideMemory", entry: rootAt };
  if (!bit(rootEntry, 0)) return { fault: "rootNotPresent", entry: rootAt };
  if (bits(rootEntry, 11, 1) !== 0n || beyond(rootEntry)) {
    return { fault: "rootReserved", entry: rootAt };
  }
  const rootSecond = load(rootAt + 8n);
  if (rootSecond === null) return { fault: "tableOutsideMemory", entry: rootAt + 8n };
  if (rootSecond !== 0n) return { fault: "rootReserved", entry: rootAt + 8n };
  const contextAt = (bits(rootEntry, 63, 12) << 12n) + BigInt(source & 0xff) * 16n;
  const context = load(contextAt);
  if (context === null) return { fault: "tableOutsideMemory", entry: contextAt };
  if (!bit(context, 0)) return { fault: "contextNotPresent", entry: contextAt };
  const second = load(contextAt + 8n);
  if (second === null) return { fault: "tableOutsideMemory", entry: contextAt + 8n };
  const reserved = bits(context, 11, 4) !== 0n || beyond(context) || bit(second, 7) ||
    bits(second, 63, 24) !== 0n;
  if (reserved) return { fault: "contextReserved", entry: contextAt + 8n };
  const width = Number(bits(second, 2, 0));
  const type = Number(bits(context, 3, 2));
  if (![1, 2, 3].includes(width) || type === 3) {
    return { fault: "contextInvalid", entry: contextAt + 8n };
  }
  if (type === 2) return { address, mask: 0x3fff_ffffn, perm: 3 };
  if (address >> BigInt(30 + 9 * width) !== 0n) {
    return { fault: "addressTooWide", entry: contextAt + 8n };
  }
  let table = bits(context, 63, 12) << 12n;
  let readable = true;
  let writable = true;
  for (let shift = 21 + 9 * width;; shift -= 9) {
    const at = table + bits(address, shift + 8, shift) * 8n;
    const entry = load(at);
    if (entry === null) return { fault: "tableOutsideMemory", entry: at };
    if (bits(entry, 1, 0) === 0n) return { fault: "entryNotPresent", entry: at };
    readable &&= bit(entry, 0);
    writable &&= bit(entry, 1);
    if ((access & 2) !== 0 && !writable) return { fault: "writeDenied", entry: at };
    if ((access & 1) !== 0 && !readable) return { fault: "readDenied", entry: at };
    if (!readable && !writable) return { fault: "readDenied", entry: at };
    const large = shift > 12 && bit(entry, 7);
    const wrong = bit(entry, 11) || bit(entry, 62) || (haw < 52 && bits(entry, 51, haw) !== 0n) ||
      (large && (shift > 30 || bits(entry, shift - 1, 12) !== 0n));
    if (wrong) return { fault: "entryReserved", entry: at };
    table = bits(entry, 51, 12) << 12n;
    if (large || shift === 12) {
      const mask = (1n << BigInt(shift)) - 1n;
      const perm = (readable ? 1 : 0) + (writable ? 2 : 0);
      return { address: table + (address & mask), mask, perm };
    }
  }
}

/** A walk of Sv39 or Sv48 tables. */
export function slowRiscv(
  load: Load,
  root: bigint,
  address: bigint,
  access: number,
  user: boolean,
): Outcome {
  const mode = Number(bits(root, 63, 60));
  if (mode === 0) return { address, mask: 0x3fff_ffffn, perm: 3 };
  if (mode !== 8 && mode !== 9) return { fault: "modeReserved", entry: null };
  const levels = mode === 8 ? 3 : 4;
  const top = BigInt.asIntN(64, address) >> BigInt(12 + 9 * levels - 1);
  if (top !== 0n && top !== -1n) return { fault: "nonCanonical", entry: null };
  let table = bits(root, 43, 0) << 12n;
  for (let level = levels - 1;; level--) {
    const shift = 12 + 9 * level;
    const at = table + bits(address, shift + 8, shift) * 8n;
    const entry = load(at);
    const fail = (fault: string): Outcome => ({ fault, entry: at });
    if (entry === null) return fail("tableOutsideMemory");
    const [v, r, w, x, u, , a, d] = Array.from({ length: 8 }, (_, i) => bit(entry, i));
    if (!v) return fail("entryNotPresent");
    if (!r && w) return fail("writeWithoutRead");
    if (bits(entry, 63, 54) !== 0n) return fail("entryReserved");
    table = bits(entry, 53, 10) << 12n;
    if (!r && !x) {
      if (a || d || u) return fail("entryReserved");
      if (level === 0) return fail("noLeaf");
      continue;
    }
    if (u !== user) return fail("privilege");
    if ((access & 2) !== 0 && !w) return fail("writeDenied");
    if ((access & 1) !== 0 && !r) return fail("readDenied");
    if (!r && !w) return fail("readDenied");
    const mask = (1n << BigInt(shift)) - 1n;
    if ((table & mask) !== 0n) return fail("misalignedSuperpage");
    if (!a) return fail("accessedClear");
    if ((access & 2) !== 0 && !d) return fail("dirtyClear");
    const shown = mask < 0x3fff_ffffn ? mask : 0x3fff_ffffn;
    return { address: table + (address & mask), mask: shown, perm: (r ? 1 : 0) + (w && d ? 2 : 0) };
  }
}
