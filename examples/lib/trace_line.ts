/**
 * The lines of QEMU's boot traces.
 *
 * @module
 */

import { FlatViewError } from "@guestmem/flatview";

/** A guest access that reached a callback. */
export interface TraceAccess {
  /** Distinguishes it from other lines. */
  readonly event: "access";
  /** Whether the guest wrote. */
  readonly isWrite: boolean;
  /** Offset in the region plus the addresses of the region and its containers. */
  readonly addr: bigint;
  /** Size of the implementation's access in bytes. */
  readonly size: number;
  /** Name of the region. */
  readonly name: string;
}

/** A line of a boot trace, as far as a replay uses it. */
export type TraceLine = TraceAccess | {
  /** `viewNew`: a view was created, so the map is changing. `other`: any other event. */
  readonly event: "viewNew" | "other";
};

const ACCESS =
  /^memory_region_ops_(read|write) cpu -?\d+ mr 0x[0-9a-f]+ addr 0x([0-9a-f]{1,16}) value 0x[0-9a-f]+ size (\d+) name '(.*)'$/;

const OTHER: TraceLine = { event: "other" };
const VIEW_NEW: TraceLine = { event: "viewNew" };

/**
 * Parses a line of a boot trace.
 *
 * @param text The line, without its end.
 * @param line Its number, for the error.
 * @throws {FlatViewError} `MALFORMED_TEXT` if it is not a line of a trace.
 */
export function parseTraceLine(text: string, line: number): TraceLine {
  if (text.startsWith("memory_region_ops_")) {
    const match = ACCESS.exec(text);
    if (match === null) {
      const form =
        `memory_region_ops_read|write cpu N mr 0xP addr 0xA value 0xV size S name 'NAME'`;
      throw malformed(text, line, form);
    }
    const [, direction, addr, size, name] = match;
    return {
      event: "access",
      isWrite: direction === "write",
      addr: BigInt(`0x${addr}`),
      size: Number(size),
      name: name!,
    };
  }
  if (text.startsWith("flatview_new ")) return VIEW_NEW;
  if (/^[a-z][a-z0-9_]* /.test(text)) return OTHER;
  throw malformed(text, line, "an event of a trace");
}

function malformed(text: string, line: number, expected: string): FlatViewError {
  const found = JSON.stringify(text.slice(0, 80));
  return new FlatViewError("MALFORMED_TEXT", { line, where: "", expected, found });
}
