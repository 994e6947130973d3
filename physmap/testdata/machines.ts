/**
 * The views and dispatches of real machines as QEMU 7.2's monitor printed them.
 *
 * @module
 */

/** One flat view: its ranges as `info mtree -f` prints them, its dispatch as `-f -d` does. */
export interface View {
  readonly root: string;
  readonly ranges: string[];
  readonly dispatch: string[];
}

/** One machine state. */
export interface Machine {
  readonly machine: string;
  readonly pageBits: number;
  readonly views: View[];
}

/** One line of a flat view. */
export interface FlatRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly kind: string;
  readonly name: string;
  readonly offset: bigint;
}

/** Reads the machines. */
export async function readMachines(): Promise<Machine[]> {
  const file = await Deno.open(new URL("machines.json.gz", import.meta.url));
  const text = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return await new Response(text).json();
}

/** Parses `  START-END (prio P, KIND): NAME [@OFFSET]`. */
export function parseRange(line: string): FlatRange {
  const match = /^ *(\w{16})-(\w{16}) \(prio -?\d+, ([^)]+)\): (.*?)(?: @(\w{16}))?$/.exec(line);
  if (!match) throw new Error(`Cannot parse the range ${JSON.stringify(line)}`);
  const [, first, last, kind, name, offset = "0"] = match;
  return {
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    kind: kind!,
    name: name!,
    offset: BigInt(`0x${offset}`),
  };
}

/** The ranges of a view in order, with a region for each name; and the names by region id. */
export function registered(
  view: View,
): { names: string[]; ranges: (FlatRange & { readonly region: number })[] } {
  const names = [""];
  const ranges = view.ranges.map(parseRange).map((range) => {
    let region = names.indexOf(range.name, 1);
    if (region < 0) region = names.push(range.name) - 1;
    return { ...range, region };
  });
  return { names, ranges };
}
