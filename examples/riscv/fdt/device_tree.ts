/**
 * Device trees as plain objects.
 *
 * @module
 */

/** A node. */
export interface DeviceNode {
  /** With the unit address: "cpu@0"; empty for the root. */
  readonly name: string;
  readonly properties: ReadonlyMap<string, Uint8Array>;
  readonly children: readonly DeviceNode[];
}

/** A property's value: 32-bit cells, a string, a list of strings, or true for one without a value. */
export type PropertyValue = readonly number[] | string | readonly string[] | true;

const encoder = new TextEncoder();

/** Creates a node. */
export function node(
  name: string,
  properties: Readonly<Record<string, PropertyValue>>,
  children: readonly DeviceNode[] = [],
): DeviceNode {
  const entries = Object.entries(properties).map(([key, value]) => [key, encode(value)] as const);
  return { name, properties: new Map(entries), children };
}

function encode(value: PropertyValue): Uint8Array {
  if (value === true) return new Uint8Array(0);
  if (typeof value === "string") return encoder.encode(`${value}\0`);
  const isStrings = (list: readonly number[] | readonly string[]): list is readonly string[] =>
    typeof list[0] === "string";
  if (isStrings(value)) return encoder.encode(value.map((one) => `${one}\0`).join(""));
  const bytes = new DataView(new ArrayBuffer(4 * value.length));
  value.forEach((cell, index) => bytes.setUint32(4 * index, cell));
  return new Uint8Array(bytes.buffer);
}

/** The two cells of a 64-bit number. */
export function cells64(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}
