/**
 * The accesses of a recorded boot, as vCPUs replay them: a table of the distinct ones, and the
 * order in which they came.
 *
 * @module
 */

import type { AddressSpace, FlatRange } from "@guestmem/flatview";
import { parseTraceLine, type TraceAccess } from "../lib/trace_line.ts";
import type { DeviceEntry } from "./machine.ts";
import { PLACES } from "./places.ts";

/** A recorded access. */
export interface RecordedAccess {
  /** Whether it goes to a port. */
  readonly isPort: boolean;
  /** The place it goes to, if that changes; `address` is then an offset in it. */
  readonly place: number | null;
  readonly address: number;
  readonly size: number;
  readonly isWrite: boolean;
  /** Key of the device that answers, and the offset there. */
  readonly key: number;
  readonly offset: number;
  readonly writeKey: number;
}

/** A recording. Structured-cloneable. */
export interface Recording {
  readonly accesses: readonly RecordedAccess[];
  /** Indices into `accesses`, in order of time. */
  readonly order: Uint16Array<SharedArrayBuffer>;
}

/** A trace has an access that the map does not explain. */
export class UnexplainedAccessError extends Error {
  override name = "UnexplainedAccessError";
  /** @param line Line of the trace. */
  constructor(readonly access: TraceAccess, readonly line: number) {
    const at = `0x${access.addr.toString(16)}`;
    super(`Cannot replay line ${line} of the trace: nothing shows "${access.name}" at ${at}`);
  }
}

/** Builds a recording from the lines of a trace. */
export class Recorder {
  readonly #memory: readonly FlatRange[];
  readonly #ports: readonly FlatRange[];
  readonly #devices: ReadonlyMap<number, DeviceEntry>;
  readonly #known = new Map<string, number>();
  readonly #accesses: RecordedAccess[] = [];
  readonly #order: number[] = [];
  #line = 0;

  /** @param memory The memory address space, and @param ports the I/O ports, as recorded. */
  constructor(memory: AddressSpace, ports: AddressSpace, devices: readonly DeviceEntry[]) {
    this.#memory = [...memory.view.ranges()];
    this.#ports = [...ports.view.ranges()];
    this.#devices = new Map(devices.map((entry) => [entry.region, entry]));
  }

  /** Adds a line of the trace. @throws {UnexplainedAccessError} If the map does not explain it. */
  take(text: string): void {
    this.#line++;
    const line = parseTraceLine(text, this.#line);
    if (line.event !== "access") return;
    const { addr, name, size, isWrite } = line;
    const key = `${addr} ${name} ${size} ${isWrite}`;
    let index = this.#known.get(key);
    if (index === undefined) {
      index = this.#accesses.push(this.#resolve(line)) - 1;
      this.#known.set(key, index);
    }
    this.#order.push(index);
  }

  /** Returns the recording. */
  finish(): Recording {
    const order = new Uint16Array(new SharedArrayBuffer(2 * this.#order.length));
    order.set(this.#order);
    return { accesses: this.#accesses, order };
  }

  #resolve(access: TraceAccess): RecordedAccess {
    const inMemory = find(this.#memory, access);
    const range = inMemory ?? find(this.#ports, access);
    if (range === undefined) throw new UnexplainedAccessError(access, this.#line);
    const { key, origin, writeKey } = this.#devices.get(range.region.id)!;
    const address = Number(access.addr);
    const place = inMemory === undefined ? -1 : PLACES.findIndex(({ homes: [home], bytes }) => (
      address >= home! && address < home! + bytes
    ));
    return {
      isPort: inMemory === undefined,
      place: place < 0 ? null : place,
      address: place < 0 ? address : address - PLACES[place]!.homes[0]!,
      size: access.size,
      isWrite: access.isWrite,
      key,
      offset: origin + Number(access.addr - range.first + range.offset),
      writeKey,
    };
  }
}

function find(ranges: readonly FlatRange[], { addr, name }: TraceAccess): FlatRange | undefined {
  return ranges.find(({ first, last, region }) => (
    region.name === name && first <= addr && addr <= last
  ));
}
