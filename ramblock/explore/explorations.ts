/**
 * All explorations of package ramblock, and how each must end.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { growth, migration, plainData } from "./dirty.ts";
import { deletion, dirtyLog } from "./memslots.ts";
import { bumpsFirst, lookups } from "./mru.ts";

const freed = "use after free" as const;

/** Every exploration. */
export const explorations: readonly Exploration[] = [
  { name: "mru: 2 readers of 2 sections, 2 blocks freed", program: lookups },
  {
    name: "mru: the version is bumped before the block is unlinked",
    program: bumpsFirst,
    fails: freed,
  },
  {
    name: "deletion: INVALID, wait, flush, gone, wait",
    program: deletion("invalid", "wait", "flush", "gone", "wait"),
  },
  {
    name: "deletion: INVALID, flush, wait, gone, wait",
    program: deletion("invalid", "flush", "wait", "gone", "wait"),
    fails: freed,
  },
  { name: "deletion: gone, flush, wait", program: deletion("gone", "flush", "wait"), fails: freed },
  {
    name: "deletion: INVALID, wait, flush, gone",
    program: deletion("invalid", "wait", "flush", "gone"),
    fails: freed,
  },
  { name: "deletion: gone, wait", program: deletion("gone", "wait"), fails: freed },
  { name: "dirty log: take, protect, wait", program: dirtyLog("take", "protect", "wait") },
  {
    name: "dirty log: protect before the marks are taken",
    program: dirtyLog("protect", "take", "wait"),
    fails: "check",
  },
  { name: "dirty log: no wait", program: dirtyLog("take", "protect"), fails: "check" },
  { name: "dirty bitmaps: written, then marked", program: migration("write first") },
  {
    name: "dirty bitmaps: marked, then written",
    program: migration("mark first"),
    fails: "check",
  },
  { name: "dirty bitmaps: plain data, always marked", program: plainData("always") },
  {
    name: "dirty bitmaps: plain data, not marked if the bit is set",
    program: plainData("look first"),
    fails: "check",
  },
  { name: "dirty bitmaps: the table grows", program: growth(true) },
  { name: "dirty bitmaps: the small table is freed at once", program: growth(false), fails: freed },
];
