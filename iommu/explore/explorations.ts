/**
 * All explorations of package iommu, and how each must end.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { walksAlone } from "./contracts.ts";
import { unmapping } from "./unmap.ts";

const freed = "use after free" as const;

/** Every exploration. */
export const explorations: readonly Exploration[] = [
  { name: "alone: walks of three levels", program: walksAlone },
  { name: "unmap: clear, log, wait", program: unmapping(["clear", "log", "wait"], "notes first") },
  {
    name: "unmap: the log before the entry is cleared",
    program: unmapping(["log", "clear", "wait"], "notes first"),
    fails: freed,
  },
  {
    name: "unmap: the log after the grace period",
    program: unmapping(["clear", "wait", "log"], "notes first"),
    fails: freed,
  },
  {
    name: "unmap: no grace period",
    program: unmapping(["clear", "log"], "notes first"),
    fails: freed,
  },
  {
    name: "unmap: the entry is not cleared",
    program: unmapping(["log", "wait"], "notes first"),
    fails: freed,
  },
  {
    name: "unmap: nothing is logged",
    program: unmapping(["clear", "wait"], "notes first"),
    fails: freed,
  },
  {
    name: "unmap: a device that notes invalidations after it has walked",
    program: unmapping(["clear", "log", "wait"], "notes last"),
    fails: freed,
  },
  {
    name: "unmap: a device that uses the page outside its section",
    program: unmapping(["clear", "log", "wait"], "uses outside"),
    fails: freed,
  },
];
