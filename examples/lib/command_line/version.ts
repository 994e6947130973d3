/** The version of all packages, which a test compares with theirs. */
export const VERSION = "0.1.0";
