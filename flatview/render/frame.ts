/** Numbers of a frame: where a region lies while it is rendered, and what may be seen of it, end exclusive. */
export const Frame = {
  BASE_HI: 0,
  BASE_LO: 1,
  START_HI: 2,
  START_LO: 3,
  END_HI: 4,
  END_LO: 5,
} as const;

/** How many numbers one frame takes. */
export const FRAME = 6;
