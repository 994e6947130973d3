import { FlatViewError } from "../errors/flat_view_error.ts";
import { parseDispatchLine, parseRange } from "../mtree/parse_flat_views.ts";
import { PRINTED_KINDS, type PrintedKind } from "../mtree/printed_kind.ts";
import type { PrintedAddressSpace, PrintedView } from "../mtree/printed_view.ts";
import { jsonErrorLine, pathLine } from "./json_position.ts";
import type { Machine, MachineRegion } from "./machine.ts";

const TWO64 = 1n << 64n;

type Json = Record<string, unknown>;

/**
 * Parses the JSON form of a machine.
 *
 * @param text The file's text.
 * @returns The machine, checked: ids resolve, numbers are in range, no region lies in itself.
 * @throws {FlatViewError} `MALFORMED_TEXT`, with the line and what was expected there.
 */
export function parseMachine(text: string): Machine {
  return new MachineParser(text).parse();
}

class MachineParser {
  readonly #text: string;
  readonly #ids = new Set<number>();

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Machine {
    let value: unknown;
    try {
      value = JSON.parse(this.#text);
    } catch (error) {
      const line = jsonErrorLine(this.#text, error);
      const found = String(error);
      throw new FlatViewError("MALFORMED_TEXT", { line, where: "", expected: "JSON", found });
    }
    const top = this.#object(value, []);
    const regions = this.#array(top["regions"], ["regions"]).map((r, i) => this.#region(r, i));
    const machine: Machine = {
      machine: this.#string(top["machine"], ["machine"]),
      pageBits: this.#integer(top["pageBits"], ["pageBits"], 8, 16),
      evidence: top["evidence"] === undefined ? "" : this.#string(top["evidence"], ["evidence"]),
      regions,
      addressSpaces: this.#array(top["addressSpaces"], ["addressSpaces"]).map((a, i) =>
        this.#addressSpace(a, ["addressSpaces", i])
      ),
      views: top["views"] === undefined
        ? []
        : this.#array(top["views"], ["views"]).map((v, i) => this.#view(v, ["views", i])),
    };
    this.#checkLinks(regions);
    return machine;
  }

  #region(value: unknown, index: number): MachineRegion {
    const path = ["regions", index];
    const r = this.#object(value, path);
    const at = (key: string) => [...path, key];
    const id = this.#integer(r["id"], at("id"), 0, 0xffff_ffff);
    if (this.#ids.has(id)) this.#fail(at("id"), "an id that no other region has", r["id"]);
    this.#ids.add(id);
    const kind = this.#string(r["kind"], at("kind")).replace(/^nv-/, "") as PrintedKind;
    if (!PRINTED_KINDS.includes(kind)) {
      this.#fail(at("kind"), `one of ${PRINTED_KINDS.join(", ")}`, kind);
    }
    const alias = r["alias"];
    return {
      id,
      name: this.#string(r["name"], at("name")),
      addr: this.#hex(r["addr"], at("addr"), TWO64 - 1n),
      size: this.#hex(r["size"], at("size"), TWO64),
      prio: this.#integer(r["prio"], at("prio"), -0x8000_0000, 0x7fff_ffff),
      kind,
      enabled: this.#boolean(r["enabled"], at("enabled")),
      terminates: this.#boolean(r["terminates"], at("terminates")),
      readonly: this.#boolean(r["readonly"], at("readonly")),
      nonvolatile: this.#boolean(r["nonvolatile"], at("nonvolatile")),
      alias: alias === null ? null : this.#integer(alias, at("alias"), 0, 0xffff_ffff),
      aliasOffset: this.#hex(r["aliasOffset"], at("aliasOffset"), TWO64 - 1n),
      subregions: this.#array(r["subregions"], at("subregions")).map((c, i) =>
        this.#integer(c, [...at("subregions"), i], 0, 0xffff_ffff)
      ),
    };
  }

  #addressSpace(value: unknown, path: (string | number)[]): Machine["addressSpaces"][number] {
    const space = this.#object(value, path);
    const root = this.#integer(space["root"], [...path, "root"], 0, 0xffff_ffff);
    if (!this.#ids.has(root)) this.#fail([...path, "root"], "the id of a region", root);
    return { name: this.#string(space["name"], [...path, "name"]), root };
  }

  #view(value: unknown, path: (string | number)[]): PrintedView {
    const view = this.#object(value, path);
    const lines = <T>(key: string, what: string, parse: (text: string, line: number) => T | null) =>
      this.#array(view[key], [...path, key]).map((value, i) => {
        const at = [...path, key, i];
        return parse(this.#string(value, at), 0) ?? this.#fail(at, what, value);
      });
    return {
      addressSpaces: this.#array(view["addressSpaces"], [...path, "addressSpaces"]).map((a, i) =>
        this.#printedSpace(a, [...path, "addressSpaces", i])
      ),
      root: this.#string(view["root"], [...path, "root"]),
      ranges: lines("ranges", "the line of a range", parseRange),
      dispatch: lines("dispatch", "a line of a dispatch", parseDispatchLine),
    };
  }

  #printedSpace(value: unknown, path: (string | number)[]): PrintedAddressSpace {
    const space = this.#object(value, path);
    const alias = space["alias"] ?? null;
    return {
      name: this.#string(space["name"], [...path, "name"]),
      root: this.#string(space["root"], [...path, "root"]),
      alias: alias === null ? null : this.#string(alias, [...path, "alias"]),
    };
  }

  /** Checks that every id names a region, and that no region has two containers or contains itself. */
  #checkLinks(regions: readonly MachineRegion[]): void {
    const parents = new Map<number, number>();
    regions.forEach((region, index) => {
      const path = ["regions", index];
      if (region.alias !== null && !this.#ids.has(region.alias)) {
        this.#fail([...path, "alias"], "the id of a region or null", region.alias);
      }
      region.subregions.forEach((child, i) => {
        const at = [...path, "subregions", i];
        if (!this.#ids.has(child)) this.#fail(at, "the id of a region", child);
        if (parents.has(child)) this.#fail(at, "a region that lies in no other", child);
        parents.set(child, region.id);
        for (let up: number | undefined = region.id; up !== undefined; up = parents.get(up)) {
          if (up === child) this.#fail(at, "a region that does not contain this one", child);
        }
      });
    });
  }

  #object(value: unknown, path: (string | number)[]): Json {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#fail(path, "an object", value);
    }
    return value as Json;
  }

  #array(value: unknown, path: (string | number)[]): unknown[] {
    if (!Array.isArray(value)) this.#fail(path, "an array", value);
    return value as unknown[];
  }

  #string(value: unknown, path: (string | number)[]): string {
    if (typeof value !== "string") this.#fail(path, "a string", value);
    return value as string;
  }

  #boolean(value: unknown, path: (string | number)[]): boolean {
    if (typeof value !== "boolean") this.#fail(path, "true or false", value);
    return value as boolean;
  }

  #integer(value: unknown, path: (string | number)[], low: number, high: number): number {
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      this.#fail(path, `an integer from ${low} to ${high}`, value);
    }
    return value as number;
  }

  #hex(value: unknown, path: (string | number)[], limit: bigint): bigint {
    if (typeof value !== "string" || !/^0x[0-9a-f]{1,17}$/i.test(value) || BigInt(value) > limit) {
      this.#fail(path, `hex text from "0x0" to "0x${limit.toString(16)}"`, value);
    }
    return BigInt(value as string);
  }

  #fail(path: (string | number)[], expected: string, found: unknown): never {
    const where = path.map((p) => typeof p === "number" ? `[${p}]` : `.${p}`).join("").slice(1);
    const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 60);
    const line = pathLine(this.#text, path);
    throw new FlatViewError("MALFORMED_TEXT", { line, where, expected, found: shown });
  }
}
