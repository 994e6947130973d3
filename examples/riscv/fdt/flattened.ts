/**
 * Flattened device trees (version 17): writing and parsing.
 *
 * @module
 */

import type { DeviceNode } from "./device_tree.ts";

const MAGIC = 0xd00dfeed;
const VERSION = 17;
const LAST_COMPATIBLE = 16;
const HEADER_BYTES = 40;
/** The list of reserved memory, which is empty but for its end. */
const RESERVED_BYTES = 16;
const TOKEN = { BEGIN: 1, END: 2, PROPERTY: 3, NOP: 4, FINISH: 9 } as const;

/** Writes a tree. */
export function flatten(root: DeviceNode): Uint8Array<ArrayBuffer> {
  const structure = new ByteList();
  const strings = new Strings();
  writeNode(root, structure, strings);
  structure.cell(TOKEN.FINISH);
  const stringsAt = HEADER_BYTES + RESERVED_BYTES + structure.length;
  const out = new ByteList();
  const total = stringsAt + strings.bytes.length;
  const at = HEADER_BYTES + RESERVED_BYTES;
  for (const cell of [MAGIC, total, at, stringsAt, HEADER_BYTES, VERSION, LAST_COMPATIBLE]) {
    out.cell(cell);
  }
  for (const cell of [0, strings.bytes.length, structure.length, 0, 0, 0, 0]) out.cell(cell);
  out.append(structure.bytes());
  out.append(strings.bytes.bytes());
  return out.bytes();
}

function writeNode(node: DeviceNode, out: ByteList, strings: Strings): void {
  out.cell(TOKEN.BEGIN);
  out.append(new TextEncoder().encode(`${node.name}\0`));
  out.align();
  for (const [name, value] of node.properties) {
    out.cell(TOKEN.PROPERTY);
    out.cell(value.length);
    out.cell(strings.offsetOf(name));
    out.append(value);
    out.align();
  }
  for (const child of node.children) writeNode(child, out, strings);
  out.cell(TOKEN.END);
}

/** A growing list of bytes. */
class ByteList {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  cell(value: number): void {
    this.#bytes.push(value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255);
  }

  append(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  align(): void {
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

/** The names of properties, each once. */
class Strings {
  readonly bytes = new ByteList();
  readonly #offsets = new Map<string, number>();

  offsetOf(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.bytes.length;
    this.#offsets.set(name, offset);
    this.bytes.append(new TextEncoder().encode(`${name}\0`));
    return offset;
  }
}

/**
 * Parses a flattened tree.
 *
 * @throws {RangeError} If the bytes are not a flattened tree.
 */
export function parseFlattened(bytes: Uint8Array): DeviceNode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = bytes.length < HEADER_BYTES ? 0 : view.getUint32(0);
  if (magic !== MAGIC) {
    throw new RangeError(
      `Cannot parse a device tree: it begins with 0x${magic.toString(16)}, not 0xd00dfeed`,
    );
  }
  const stringsAt = view.getUint32(12);
  let at = view.getUint32(8);
  const textAt = (start: number): string => {
    const end = bytes.indexOf(0, start);
    return new TextDecoder().decode(bytes.subarray(start, end));
  };
  const token = (): number => {
    at += 4;
    return view.getUint32(at - 4);
  };
  const skip = (count: number): void => void (at = at + count + 3 & ~3);

  const parseNode = (): DeviceNode => {
    const name = textAt(at);
    skip(new TextEncoder().encode(name).length + 1);
    const properties = new Map<string, Uint8Array>();
    const children: DeviceNode[] = [];
    for (;;) {
      const kind = token();
      if (kind === TOKEN.PROPERTY) {
        const length = view.getUint32(at);
        const key = textAt(stringsAt + view.getUint32(at + 4));
        properties.set(key, bytes.slice(at + 8, at + 8 + length));
        skip(8 + length);
      } else if (kind === TOKEN.BEGIN) children.push(parseNode());
      else if (kind === TOKEN.END) return { name, properties, children };
      else if (kind !== TOKEN.NOP) {
        throw new RangeError(`Cannot parse a device tree: unknown token ${kind} at ${at - 4}`);
      }
    }
  };
  if (token() !== TOKEN.BEGIN) {
    throw new RangeError("Cannot parse a device tree: it does not begin with a node");
  }
  return parseNode();
}
