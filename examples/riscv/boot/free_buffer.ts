/**
 * Frees a buffer of an image now, and not when this context next collects garbage, which may be never:
 * a machine makes little. Node 20 can only wait for that.
 */
export function freeBuffer(buffer: ArrayBuffer & Partial<Pick<ArrayBuffer, "transfer">>): void {
  buffer.transfer?.(0);
}
