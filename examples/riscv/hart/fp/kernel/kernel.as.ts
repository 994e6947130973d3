// Floating point as a module of its own, for its tests and its benches: the hart has it in its
// kernel.

export * from "../fp.as";
export * from "./loops.as";
