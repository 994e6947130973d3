/**
 * Parts of rcu for its sibling packages only, which pin rcu's exact version to use them. Nothing here
 * is stable from one version to the next.
 *
 * @module
 */

export { type EvictionHandler, evictionHandlers } from "./arena/members.ts";
export { destroyMember, registerMember } from "./arena/register_member.ts";
export { CodedError, type Messages } from "./errors/coded_error.ts";
export { instantiateKernel, type Kernel } from "./kernel/kernel.ts";
export { kernelLoader } from "./kernel/loader.ts";
export { canBlock } from "./sync/blocking.ts";
export { waitAsync } from "./sync/wait_async.ts";
export { refuseInAnySection, waitOutside } from "./sync/waiting.ts";
