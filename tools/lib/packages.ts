/**
 * What the packages' deno.json files say.
 *
 * @module
 */

import { PORTABLE, type Tree } from "./tree.ts";

/** A package's deno.json, as far as the tools read it. */
export interface PackageConfig {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** A module that others import by name. */
export interface Entry {
  readonly member: string;
  /** Its key in "exports": ".", "./mtree". */
  readonly key: string;
  /** What an import names: "@guestmem/flatview/mtree". */
  readonly specifier: string;
  /** Its file: "flatview/mtree/mod.ts". */
  readonly path: string;
}

/** The deno.json of a workspace member; without entries if there is none. */
export function configOf(tree: Tree, member: string): PackageConfig {
  const config = JSON.parse(tree.get(`${member}/deno.json`) ?? "{}") as Partial<PackageConfig>;
  return { exports: {}, imports: {}, ...config };
}

/** The modules of one package that others can import. */
export function entriesOf(tree: Tree, member: string): Entry[] {
  return Object.entries(configOf(tree, member).exports).map(([key, target]) => ({
    member,
    key,
    specifier: `@guestmem/${member}${key.slice(1)}`,
    path: member + target.slice(1),
  }));
}

/** The modules of all five packages that others can import. */
export function allEntries(tree: Tree): Entry[] {
  return PORTABLE.flatMap((member) => entriesOf(tree, member));
}
