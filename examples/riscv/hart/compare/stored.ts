/** The blocks whose answers are stored: 102,400 instructions, and 32,768 under translation. */
export const STORED = { seed: 20261125, blocks: { bare: 1_600, translated: 512 } } as const;
