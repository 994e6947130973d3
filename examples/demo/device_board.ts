/**
 * The devices that a context runs. A device answers with words of its key, and checks that each
 * store carries the words that were meant for it.
 *
 * @module
 */

import type { MemoryAccess } from "@guestmem/flatview";
import type { Findings } from "../lib/findings.ts";
import { answerOf } from "./answers.ts";
import type { DeviceEntry } from "./machine.ts";

/** Runs devices for the vCPUs. */
export class DeviceBoard {
  /** Errors found here. */
  readonly findings: Findings;
  /** Accesses that were served. */
  served = 0;
  readonly #access: MemoryAccess;

  /** @param access Of the context that runs the devices. */
  constructor(access: MemoryAccess, findings: Findings) {
    this.#access = access;
    this.findings = findings;
  }

  /** Runs a device from now on. @returns Ends it: a later access is an error. */
  plug({ region, key, origin, writeKey }: DeviceEntry): () => void {
    let isGone = false;
    const enter = () => {
      this.served++;
      if (isGone) this.findings.add("a device was called after its finaliser", () => `key ${key}`);
    };
    this.#access.bind(region, {
      read: (offset, size) => {
        enter();
        return answerOf(key, origin + Number(offset), size);
      },
      write: (offset, value, size) => {
        enter();
        const expected = answerOf(writeKey, origin + Number(offset), size);
        if (value >>> 0 === expected) return;
        this.findings.add("a device was written what was meant for another", () => (
          `key ${key}, offset ${offset}, 0x${(value >>> 0).toString(16)}`
        ));
      },
    });
    return () => void (isGone = true);
  }
}
