import { FlatViewError } from "../errors/flat_view_error.ts";

/**
 * The error for a line that is not what was expected.
 *
 * @param lines The text. @param at Index of the line; -1 if the text is empty.
 * @param expected What was expected there.
 */
export function malformedLine(
  lines: readonly string[],
  at: number,
  expected: string,
): FlatViewError<"MALFORMED_TEXT"> {
  const found = at < 0 ? "nothing" : JSON.stringify(lines[at] ?? "end of text");
  return new FlatViewError("MALFORMED_TEXT", {
    line: Math.max(at, 0) + 1,
    where: "",
    expected,
    found,
  });
}
