/**
 * The mistakes that a check of a protocol must find: each step left out, each two neighbours
 * swapped, each atomic access made plain.
 *
 * @module
 */

import { type Access, type Body, computed, isAccess, type Row } from "./program.ts";

/** A function with one mistake in it. */
export interface Mutant {
  /** For example `drop store SLOT_CTR`. */
  readonly name: string;
  readonly body: Body;
}

/** All single mistakes in the accesses of a function. */
export function mutants(body: Body): Mutant[] {
  const all = [...drops(body), ...swaps(body), ...plains(body)];
  const seen = new Map<string, number>();
  return all.map(({ name, body }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { name: count === 1 ? name : `${name} (${count})`, body };
  });
}

/** How a mutant's name shows an access. */
function show({ access, word }: Access): string {
  return `${access} ${word}`;
}

function positions(body: Body): { index: number; access: Access }[] {
  return body.flatMap((row, index) => isAccess(row) ? [{ index, access: row }] : []);
}

function drops(body: Body): Mutant[] {
  return positions(body).map(({ index, access }) => {
    return { name: `drop ${show(access)}`, body: body.toSpliced(index, 1) };
  });
}

/** The two rows change places; jumps and labels between them stay where they are. */
function swaps(body: Body): Mutant[] {
  const all = positions(body);
  return all.slice(1).map((later, position) => {
    const earlier = all[position]!;
    const swapped = body.with(earlier.index, later.access).with(later.index, earlier.access);
    return { name: `swap ${show(earlier.access)}, ${show(later.access)}`, body: swapped };
  });
}

function plains(body: Body): Mutant[] {
  return positions(body).flatMap(({ index, access }) => {
    if (access.plain || access.access === "notify" || access.access === "wait") return [];
    const rows = makePlain(access, `old${index}`);
    return [{ name: `plain ${show(access)}`, body: body.toSpliced(index, 1, ...rows) }];
  });
}

/** The access without atomicity: a read-modify-write becomes a load and a store. */
function makePlain(access: Access, temporary: string): Row[] {
  if (access.access === "load" || access.access === "store") return [{ ...access, plain: true }];
  const { width, word, value = 0, expected = 0 } = access;
  const old = access.into ?? temporary;
  const place = { width, word, ...(access.at !== undefined && { at: access.at }) };
  const when = access.when ?? 1;
  const matches = access.access === "cmpxchg"
    ? computed([when, old, expected], (on, held, wanted) => on && held === wanted)
    : when;
  const written = access.access === "add"
    ? computed([old, value], (held, by) => held! + by!)
    : access.access === "sub"
    ? computed([old, value], (held, by) => held! - by!)
    : value;
  return [
    { access: "load", ...place, plain: true, into: old, when },
    { access: "store", ...place, plain: true, value: written, when: matches },
  ];
}
