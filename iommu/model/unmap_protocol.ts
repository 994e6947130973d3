/**
 * The model of an unmapping: one page, one table entry that maps it (1, or 0 once it is cleared), the
 * log's counter, a grace period with one reader slot, and a device whose IOTLB has one entry, the
 * register `tlb`.
 *
 * The page holds 1 while the device owns it, 0 once another owner has it.
 *
 * @module
 */

import { type Body, call, computed, type Program, type Row } from "#tools/model/mod.ts";

/** What must not happen. */
export const LATE = "a device uses a page whose unmapping is complete";

/** The control context: `TableEdit.commit`, `InvalidationLog.append`, `synchronize`, reuse. */
export const unmap: Body = [
  { access: "store", width: 64, word: "ENTRY", value: 0 },
  { access: "store", width: 64, word: "TAIL", value: 1 },
  { access: "add", width: 64, word: "GP_CTR", value: 1, into: "before" },
  {
    access: "load",
    width: 64,
    word: "SLOT",
    into: "slot",
    until: computed(["slot", "before"], (slot, before) => slot === 0 || slot > before),
  },
  { access: "store", width: 32, word: "page", value: 0, plain: true },
];

/** Processes invalidations: `Iotlb.catchUp`. */
const catchUp: Row[] = [
  { access: "load", width: 64, word: "TAIL", into: "tail" },
  { set: "tlb", to: computed(["tlb", "seen", "tail"], (tlb, seen, tail) => seen === tail && tlb) },
  { set: "seen", to: "tail" },
];

/** Looks in the IOTLB; on a miss walks and fills it. */
const translate: Row[] = [
  {
    access: "load",
    width: 64,
    word: "ENTRY",
    into: "entry",
    when: computed(["tlb"], (tlb) => !tlb),
  },
  { set: "tlb", to: computed(["tlb", "entry"], (tlb, entry) => tlb || entry) },
  { set: "entry", to: 0 },
];

/** Uses the page. */
const use: Row[] = [
  { access: "load", width: 32, word: "page", into: "mine", plain: true, when: "tlb" },
  { check: computed(["tlb", "mine"], (tlb, mine) => !tlb || mine === 1), says: LATE },
];

const lock: Row[] = [
  { access: "load", width: 64, word: "GP_CTR", into: "gp" },
  { access: "store", width: 64, word: "SLOT", value: "gp" },
];
const unlock: Row[] = [{ access: "store", width: 64, word: "SLOT", value: 0 }];

/** A section of the device. */
export const section: Body = [...lock, ...catchUp, ...translate, ...use, ...unlock];

/** A device that processes invalidations only after it has walked. */
export const notesLate: Body = [...lock, ...translate, ...use, ...catchUp, ...unlock];

/** A device that leaves its section before it uses the result. */
export const usesOutside: Body = [...lock, ...catchUp, ...translate, ...unlock, ...use];

/** A device that runs three sections while a page is unmapped. */
export function unmapping(control: Body, device: Body): Program {
  const shared = { tlb: "tlb", seen: "seen" };
  const body = [0, 1, 2].flatMap((round) => {
    const rows = call(`s${round}`, device, shared);
    // `call` makes assigned registers local; these two last as long as the thread.
    return rows.map((row) =>
      "set" in row ? { ...row, set: row.set.replace(/^s\d\.(tlb|seen)$/, "$1") } : row
    );
  });
  return {
    words: { ENTRY: 1, TAIL: 0, GP_CTR: 1, SLOT: 0, page: 1 },
    threads: [{ name: "control", body: control }, { name: "device", body }],
  };
}
