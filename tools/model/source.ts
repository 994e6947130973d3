/**
 * Reads the accesses to shared memory, and the constants, out of a kernel's AssemblyScript source.
 *
 * @module
 */

import type { AccessKind } from "./program.ts";

/** One access as the source has it. */
export interface SourceAccess {
  readonly access: AccessKind;
  readonly width: 32 | 64;
  /** The constant that names the word, or the parameter that points at it. */
  readonly word: string;
  readonly plain?: true;
}

/** The values of the source's `const NAME: usize = N;` lines. */
export function constants(source: string): Map<string, number> {
  const lines = source.matchAll(/^const ([A-Z_]+): usize = (\d+);$/gm);
  return new Map([...lines].map(([, name, value]) => [name!, Number(value)]));
}

/**
 * The accesses of one function in the order in which they are evaluated, with those of the
 * functions it calls in their places. Branches and loops do not show: each access counts once.
 *
 * @throws {Error} If the source has no such function.
 */
export function accesses(source: string, name: string): SourceAccess[] {
  const functions = new Map<string, string>();
  for (const match of source.matchAll(/^(?:export )?function (\w+)\(/gm)) {
    functions.set(match[1]!, bodyFrom(source, match.index));
  }
  const body = functions.get(name);
  if (body === undefined) throw new Error(`Cannot read the accesses: no function "${name}"`);
  return read(body, functions);
}

/** The text between a function's braces. */
function bodyFrom(source: string, start: number): string {
  const open = source.indexOf(" {\n", start);
  return source.slice(open + 2, source.indexOf("\n}\n", open)).replaceAll(/\/\/.*$/gm, "");
}

/** Finds the calls in a piece of text; the arguments of a call are evaluated before it. */
function read(text: string, functions: ReadonlyMap<string, string>): SourceAccess[] {
  const found: SourceAccess[] = [];
  const calls = /(atomic\.\w+|\b\w+)(<\w+>)?\(/g;
  for (let match = calls.exec(text); match; match = calls.exec(text)) {
    const inner = argumentsFrom(text, calls.lastIndex);
    const [, callee = "", type = ""] = match;
    const own = functions.get(callee);
    const access = accessOf(callee, type, inner);
    if (!own && !access) continue;
    found.push(...read(inner, functions));
    if (own) found.push(...read(own, functions));
    if (access) found.push(access);
    calls.lastIndex += inner.length;
  }
  return found;
}

/** The text from `start` to the parenthesis that closes it. */
function argumentsFrom(text: string, start: number): string {
  let depth = 1;
  let end = start;
  for (; depth > 0; end++) {
    if (text[end] === "(") depth++;
    if (text[end] === ")") depth--;
  }
  return text.slice(start, end - 1);
}

function accessOf(callee: string, type: string, inner: string): SourceAccess | undefined {
  const plain = callee === "load" || callee === "store";
  if (!plain && !callee.startsWith("atomic.")) return undefined;
  const access = callee.replace("atomic.", "") as AccessKind;
  const width = type.includes("64") ? 64 : 32;
  return { access, width, word: wordOf(inner), ...(plain && { plain: true }) };
}

/** The constant among an access's arguments; without one, the pointer that is its first. */
function wordOf(inner: string): string {
  const names = inner.match(/\b[A-Z][A-Z_]+\b/g);
  return names?.at(-1) ?? inner.match(/\b(?!usize\b)[a-z]\w*/)![0];
}
