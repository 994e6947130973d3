/**
 * Stands in for `@std/cli/unicode-width` where the JSR registry cannot be reached.
 *
 * Covered: control and combining characters take no column, East Asian wide characters and emoji take
 * two, all others one. Not covered: rare scripts whose width std takes from Unicode's tables.
 *
 * @module
 */

const NONE = /[\p{Cc}\p{Cf}\p{Mn}\p{Me}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many columns of a terminal a text takes. */
export function unicodeWidth(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (!NONE.test(character)) columns += WIDE.test(character) ? 2 : 1;
  }
  return columns;
}
