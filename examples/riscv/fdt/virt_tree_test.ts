import { assertEquals, assertNotEquals } from "@std/assert";
import type { DeviceNode } from "./device_tree.ts";
import { virtTree, type VirtTreeOptions } from "./virt_tree.ts";

const MIB = 2 ** 20;

/** A node as `testdata` has it: QEMU's tree, with the bytes of properties in hexadecimal. */
interface StoredNode {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly children: readonly StoredNode[];
}

/** A tree as properties by path. */
type Flat = Map<string, Map<string, string>>;

/** Which cells of a property are references to nodes. */
const REFERENCES: Readonly<Record<string, (index: number) => boolean>> = {
  phandle: () => true,
  "interrupt-parent": () => true,
  regmap: () => true,
  cpu: () => true,
  "interrupts-extended": (index) => index % 2 === 0,
  "interrupt-map": (index) => index % 6 === 4,
};

/** What may differ: random numbers, and the names of the harts' extensions. */
const DIFFERENT = ["rng-seed", "riscv,isa"];

function stored(node: DeviceNode): StoredNode {
  const properties = [...node.properties].map(([name, value]) => [name, value.toHex()]);
  return {
    name: node.name,
    properties: Object.fromEntries(properties),
    children: node.children.map(stored),
  };
}

/** Properties by path; references as the paths that they refer to. */
function flat(root: StoredNode): Flat {
  const paths = new Map<string, string>();
  const nodes: [string, StoredNode][] = [];
  const visit = (node: StoredNode, parent: string): void => {
    const path = node.name === "" ? "/" : `${parent === "/" ? "" : parent}/${node.name}`;
    nodes.push([path, node]);
    if (node.properties["phandle"] !== undefined) paths.set(node.properties["phandle"], path);
    for (const child of node.children) visit(child, path);
  };
  visit(root, "");
  return new Map(nodes.map(([path, { properties }]) => [path, resolve(properties, paths)]));
}

function resolve(properties: StoredNode["properties"], paths: Map<string, string>) {
  const entries = Object.entries(properties).filter(([name]) => !DIFFERENT.includes(name));
  return new Map(entries.map(([name, hex]) => {
    const isReference = REFERENCES[name];
    const cells = hex.match(/.{1,8}/g) ?? [];
    const text = cells.map((cell, at) => isReference?.(at) ? paths.get(cell)! : cell).join(" ");
    return [name, text] as const;
  }));
}

function read(name: string): Flat {
  const text = Deno.readTextFileSync(new URL(`../testdata/${name}.tree.json`, import.meta.url));
  return flat(JSON.parse(text));
}

function mine(options: Omit<VirtTreeOptions, "seed">): Flat {
  return flat(stored(virtTree({ ...options, seed: new Uint8Array(32) })));
}

Deno.test("the device tree is QEMU 7.2's, node by node", () => {
  assertEquals(mine({ harts: 1, memory: 512 * MIB }), read("virt-1-hart-512M"));
  assertEquals(mine({ harts: 4, memory: 2048 * MIB }), read("virt-4-harts-2G"));
});

Deno.test("it tells the kernel of its command line and its RAM disk as QEMU's does", () => {
  const initrd = { start: 0x88200000, end: 0x882ffdb0 };
  const options = { harts: 2, memory: 512 * MIB, bootArguments: "console=ttyS0 x", initrd };
  assertEquals(mine(options), read("virt-2-harts-boot"));
  assertNotEquals(mine({ ...options, bootArguments: "console=ttyS0" }), read("virt-2-harts-boot"));
});

Deno.test("it names the extensions that the harts have", () => {
  const root = virtTree({ harts: 1, memory: 512 * MIB, seed: new Uint8Array(32) });
  const cpus = root.children.find(({ name }) => name === "cpus")!;
  const isa = cpus.children[0]!.properties.get("riscv,isa");
  assertEquals(
    new TextDecoder().decode(isa),
    "rv64imafdc_zicsr_zifencei_zba_zbb_zbs_sstc\0",
  );
});
