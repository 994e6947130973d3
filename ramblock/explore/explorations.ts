/**
 * All explorations of package ramblock, and how each must end.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { changes, oneMark, testsWhileTaken } from "./cells.ts";
import { contracts } from "./contracts.ts";
import { growth, migration, plainData } from "./dirty.ts";
import { logEpoch } from "./log_epoch.ts";
import { deletion, dirtyLog, dirtyLogFilled, logMove, logStart, NEW_LOG } from "./memslots.ts";
import { bumpsFirst, lastBlock, lookups } from "./mru.ts";
import { protocol } from "./mru_protocols.ts";
import { adoption, adoptionUnderDeletion, newMaps, replacing } from "./shadow_maps.ts";

const freed = "use after free" as const;

/** Every exploration. */
export const explorations: readonly Exploration[] = [
  ...Object.entries(contracts).map(([name, program]) => ({ name: `alone: ${name}`, program })),
  { name: "mru: 2 readers of 2 sections, 2 blocks freed", program: lookups },
  { name: "mru: every lookup of a block that is freed", program: lastBlock },
  {
    name: "mru: the version is bumped before the block is unlinked",
    program: bumpsFirst,
    fails: freed,
  },
  {
    name: "mru: the version is not bumped",
    program: protocol("the kernel's", "unlink", "wait"),
    fails: freed,
  },
  {
    name: "mru: no grace period",
    program: protocol("the kernel's", "unlink", "bump"),
    fails: freed,
  },
  {
    name: "mru: the version is bumped after the grace period",
    program: protocol("the kernel's", "unlink", "wait", "bump"),
    fails: freed,
  },
  {
    name: "mru: the version is loaded outside the section",
    program: protocol("version outside", "unlink", "bump", "wait"),
    fails: freed,
  },
  {
    name: "mru without a tag: one grace period, a hit stores",
    program: protocol("stores on a hit", "unlink", "clear", "wait"),
    fails: freed,
  },
  {
    name: "mru without a tag: one grace period",
    program: protocol("untagged", "unlink", "clear", "wait"),
    fails: freed,
  },
  {
    name: "mru without a tag: two grace periods, a hit stores",
    program: protocol("stores on a hit", "unlink", "clear", "wait", "clear", "wait"),
    fails: freed,
  },
  {
    name: "mru without a tag: clear, wait, clear, wait",
    program: protocol("untagged", "unlink", "clear", "wait", "clear", "wait"),
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
  { name: "shadow maps: a mapping is replaced during a flush", program: replacing("flush") },
  {
    name: "shadow maps: a mapping is replaced while it is protected",
    program: replacing("protect"),
  },
  {
    name: "shadow maps: one is cleared while it is protected",
    program: replacing("protect", "clears"),
  },
  { name: "shadow maps: two are made during a deletion", program: newMaps },
  { name: "shadow maps: adopted from a vCPU that may die", program: adoption() },
  { name: "shadow maps: adopted during a deletion", program: adoptionUnderDeletion },
  {
    name: "shadow maps: whether the owner is gone is asked before the owner is read",
    program: adoption("asks first"),
    fails: "check",
  },
  {
    name: "shadow maps: adopted as it is",
    program: adoption("does not clear"),
    fails: "check",
  },
  {
    name: "shadow maps: adopted from whoever has it",
    program: adoption("takes a map that is in use"),
    fails: "check",
  },
  { name: "dirty log: take, protect, wait", program: dirtyLog("take", "protect", "wait") },
  {
    name: "dirty log: the slot's bit, the mapping, the mark",
    program: dirtyLogFilled("slot's bit", "mapping", "mark"),
  },
  {
    name: "dirty log: marked before it is mapped",
    program: dirtyLogFilled("slot's bit", "mark", "mapping"),
    fails: "check",
  },
  {
    name: "dirty log: the slot's bit is set after the mark",
    program: dirtyLogFilled("mapping", "mark", "slot's bit"),
    fails: "check",
  },
  {
    name: "dirty log: the slot's bit is not set",
    program: dirtyLogFilled("mapping", "mark"),
    fails: "check",
  },
  {
    name: "log start: publish, wait, protect, wait",
    program: logStart("publish", "wait", "protect", "wait"),
  },
  {
    name: "log start: publish, protect, wait",
    program: logStart("publish", "protect", "wait"),
    fails: "check",
  },
  {
    name: "log start: publish, wait, protect",
    program: logStart("publish", "wait", "protect"),
    fails: "check",
  },
  { name: "log start: publish, wait", program: logStart("publish", "wait"), fails: "check" },
  {
    name: "log move: INVALID, wait, flush, moved, wait",
    program: logMove(["invalid", "wait", "flush", "gone", "wait"]),
  },
  {
    name: "log move: INVALID, flush, wait, moved, wait",
    program: logMove(["invalid", "flush", "wait", "gone", "wait"]),
    fails: "check",
  },
  {
    name: "log move: no flush",
    program: logMove(["invalid", "wait", "gone", "wait"]),
    fails: "check",
  },
  {
    name: "log move: a new log",
    program: logMove(["invalid", "wait", "flush", "gone", "wait"], NEW_LOG),
    fails: "check",
  },
  {
    name: "dirty log: protect before the marks are taken",
    program: dirtyLog("protect", "take", "wait"),
    fails: "check",
  },
  { name: "dirty log: no wait", program: dirtyLog("take", "protect"), fails: "check" },
  { name: "log epoch: take, bump, wait", program: logEpoch("take, bump, wait") },
  {
    name: "log epoch: marked, then written",
    program: logEpoch("take, bump, wait", "mark first"),
  },
  {
    name: "log epoch: bump, wait, take",
    program: logEpoch("bump, wait, take"),
    fails: "check",
  },
  {
    name: "log epoch: take, wait, bump",
    program: logEpoch("take, wait, bump"),
    fails: "check",
  },
  { name: "log epoch: no wait", program: logEpoch("take, bump"), fails: "check" },
  { name: "log epoch: no bump", program: logEpoch("take, wait"), fails: "check" },
  {
    name: "log epoch: the wait fails, the marks are put back",
    program: logEpoch("take, bump, put back, give up"),
  },
  {
    name: "log epoch: the wait fails, the marks are lost",
    program: logEpoch("take, bump, give up"),
    fails: "check",
  },
  {
    name: "log epoch: loaded outside the section",
    program: logEpoch("take, bump, wait", "outside"),
    fails: "check",
  },
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
  { name: "dirty bitmaps: the table grows", program: growth(true, "marks") },
  { name: "dirty bitmaps: the table grows under every use", program: growth(true, "all") },
  {
    name: "dirty bitmaps: the small table is freed at once",
    program: growth(false, "marks"),
    fails: freed,
  },
  { name: "dirty bitmaps: two contexts clear one mark", program: oneMark("clears") },
  { name: "dirty bitmaps: one context takes a mark, one clears it", program: oneMark("takes") },
  { name: "dirty bitmaps: tested while marks are taken", program: testsWhileTaken },
  { name: "cells: two contexts change the same words", program: changes },
];
