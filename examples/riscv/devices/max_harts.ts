/** The most harts that a machine has: the shared structs have room for as many. */
export const MAX_HARTS = 8;
