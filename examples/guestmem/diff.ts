import type { PrintedView } from "@guestmem/flatview/mtree";
import { EXIT_FAILED, EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { readViews } from "./views_file.ts";

/** `diff A B`: compares what the address spaces of two dumps show. */
export async function diff(before: string, after: string, env: Environment): Promise<number> {
  const [left, right] = [await readViews(before, env), await readViews(after, env)];
  const lines = differences(left, right);
  lines.forEach(env.out);
  return lines.length === 0 ? EXIT_OK : EXIT_FAILED;
}

/**
 * The differences between the views of two dumps: the address spaces that differ, each group of those
 * with the same differences followed by its ranges that are in the first dump only (`-`) and in the
 * second only (`+`).
 */
export function differences(
  left: readonly PrintedView[],
  right: readonly PrintedView[],
): string[] {
  const [before, after] = [spacesOf(left), spacesOf(right)];
  const groups = new Map<string, string[]>();
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const lines = compare(before.get(name), after.get(name)).join("\n");
    if (lines !== "") groups.set(lines, [...groups.get(lines) ?? [], name]);
  }
  return [...groups].flatMap(([lines, names]) => [
    ...names.map((name) => `address space ${name}`),
    ...lines.split("\n"),
  ]);
}

/** The range lines of each address space. Names repeat: the second of a name is `NAME #2`. */
function spacesOf(views: readonly PrintedView[]): Map<string, readonly string[]> {
  const spaces = new Map<string, readonly string[]>();
  for (const { addressSpaces, ranges } of views) {
    for (const { name } of addressSpaces) {
      let key = name;
      for (let number = 2; spaces.has(key); number++) key = `${name} #${number}`;
      spaces.set(key, ranges.map(({ text }) => text.trim()));
    }
  }
  return spaces;
}

function compare(
  left: readonly string[] | undefined,
  right: readonly string[] | undefined,
): string[] {
  if (left === undefined) return ["  only in the second dump"];
  if (right === undefined) return ["  only in the first dump"];
  const [gone, added] = [without(left, right), without(right, left)];
  // By address, which is how the lines begin, and what went before what came.
  return [...gone.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)]
    .sort((a, b) => a.slice(2, 18) < b.slice(2, 18) ? -1 : a.slice(2, 18) > b.slice(2, 18) ? 1 : 0)
    .map((line) => `  ${line}`);
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const rest = new Set(others);
  return lines.filter((line) => !rest.has(line));
}
