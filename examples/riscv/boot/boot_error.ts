/** An image or the memory does not do for a boot. The message is one line for the user. */
export class BootError extends Error {
  override name = "BootError";
}
