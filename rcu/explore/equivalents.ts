/**
 * The mutants of rcu's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = {};
