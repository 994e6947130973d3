/**
 * What the sibling packages need of rcu and nobody else: no promise is made of it from one version to
 * the next. A package that imports it pins rcu's exact version.
 *
 * @module
 */

export { type EvictionHandler, evictionHandlers } from "./arena/members.ts";
export { CodedError, type Messages } from "./errors/coded_error.ts";
export { refuseInAnySection, waitOutside } from "./grace_period/waiting.ts";
export { instantiateKernel, type Kernel } from "./kernel/kernel.ts";
export { kernelLoader } from "./kernel/loader.ts";
export { canBlock } from "./sync/blocking.ts";
export { waitAsync } from "./sync/wait_async.ts";
