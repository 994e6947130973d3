/**
 * Writes archives in the format that Linux unpacks at its start: cpio, "newc".
 *
 * @module
 */

/** A file, a directory or a device of an archive. */
export interface CpioEntry {
  /** Its path, without a leading slash. */
  readonly path: string;
  /** Type and permissions, as in `struct stat`: 0o100755 is an executable file. */
  readonly mode: number;
  readonly bytes?: Uint8Array;
  /** Major and minor number of a device. */
  readonly device?: readonly [number, number];
}

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
/** Everything begins at a multiple of this. */
const UNIT = 4;

/** The archive of some entries, in their order. A directory comes before what is in it. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const parts = entries.map((entry, index) => record(entry, index + 1));
  parts.push(record({ path: TRAILER, mode: 0 }, 0));
  const archive = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function record(
  { path, mode, bytes = new Uint8Array(), device = [0, 0] }: CpioEntry,
  inode: number,
) {
  const name = new TextEncoder().encode(`${path}\0`);
  const [major, minor] = device;
  // inode, mode, owner, group, links, time, size, device, device of the node, length of the name, sum
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, major, minor, name.length, 0];
  const header = new TextEncoder().encode(MAGIC + fields.map(hex).join(""));
  const dataAt = roundUp(header.length + name.length);
  const result = new Uint8Array(dataAt + roundUp(bytes.length));
  result.set(header);
  result.set(name, header.length);
  result.set(bytes, dataAt);
  return result;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / UNIT) * UNIT;
}
