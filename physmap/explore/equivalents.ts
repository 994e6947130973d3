/**
 * The mutants of physmap's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

const BY_FUNCTION: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(BY_FUNCTION).flatMap(([name, reasons]) => {
    return Object.entries(reasons).map(([mistake, reason]) => [`${name}: ${mistake}`, reason]);
  }),
);
