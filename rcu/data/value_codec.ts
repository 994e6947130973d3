/**
 * How published values become bytes, and become values again.
 *
 * @module
 */

/** Writes values of a kind as bytes, and reads them. Both must be the same in every context. */
export interface ValueCodec<T> {
  /** The bytes of a value. They are copied before the call that wanted them returns. */
  encode(value: T): Uint8Array;
  /** The value of bytes that are a private copy, and the caller's to keep. */
  decode(bytes: Uint8Array): T;
}

/** Values as JSON. What is read is frozen, with all that it holds, since every reader gets the same. */
export const JSON_CODEC: ValueCodec<unknown> = {
  encode(value) {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) {
      throw new TypeError(
        `Cannot publish a value that JSON has no text for: it is ${typeof value}`,
      );
    }
    return new TextEncoder().encode(text);
  },
  decode: (bytes) => freeze(JSON.parse(new TextDecoder().decode(bytes))),
};

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}
