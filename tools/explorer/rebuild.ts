/**
 * Builds a module anew with some instructions of one function replaced.
 *
 * @module
 */

import type { Code, Module } from "./decode.ts";
import { Bytes, encodeUnsigned } from "./leb.ts";

/** A change of a function's code. */
export interface Edit {
  /** The first instruction that is replaced, by index into the body. */
  readonly from: number;
  /** The one behind the last. */
  readonly to: number;
  /** What takes their place. */
  readonly bytes: readonly number[];
  /** Types of locals that it needs besides those that are there. */
  readonly locals?: string;
}

/** A mistake in a function. */
export interface Mistake extends Edit {
  /** What it is, in words. */
  readonly says: string;
  /** The instructions that it concerns, by index into the body. */
  readonly at: readonly number[];
}

const TYPE_BYTES: Record<string, number> = { i: 0x7f, l: 0x7e, d: 0x7c };

/** The bytes of a module in which one function is changed. */
export function rebuild(module: Module, code: Code, edit: Edit): Uint8Array {
  const { bytes, codeSection: section } = module;
  const contents = [...localsOf(module, code, edit.locals ?? ""), ...bodyOf(module, code, edit)];
  const entry = [...encodeUnsigned(contents.length), ...contents];
  const before = bytes.subarray(section.start, code.entry.size);
  const after = bytes.subarray(code.entry.end, section.end);
  const length = before.length + entry.length + after.length;
  return new Uint8Array([
    ...bytes.subarray(0, section.size),
    ...encodeUnsigned(length),
    ...before,
    ...entry,
    ...after,
    ...bytes.subarray(section.end),
  ]);
}

function bodyOf({ bytes }: Module, { body, entry }: Code, edit: Edit): number[] {
  const start = body[edit.from]?.start ?? entry.end;
  const end = body[edit.to]?.start ?? entry.end;
  return [
    ...bytes.subarray(body[0]!.start, start),
    ...edit.bytes,
    ...bytes.subarray(end, entry.end),
  ];
}

/** The declaration of the locals, with more of them at its end. */
function localsOf({ bytes }: Module, { body, entry }: Code, more: string): number[] {
  const declared = new Bytes(bytes.subarray(entry.start, body[0]!.start));
  const groups = declared.unsigned();
  return [
    ...encodeUnsigned(groups + more.length),
    ...declared.bytes.subarray(declared.at),
    ...[...more].flatMap((type) => [1, TYPE_BYTES[type]!]),
  ];
}
