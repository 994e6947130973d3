/** The blocks whose answers are stored: 102,400 instructions. */
export const STORED = { seed: 20261125, blocks: 1_600 } as const;
