import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "../region/address.ts";
import { isDirect, type ResolvedAddress } from "./resolved_address.ts";

/**
 * Result of `GuestSpace.translate`, valid until the read-side section ends in which it was made. The
 * same object each time; in debug mode its use after the section is an error.
 */
export class Translation {
  readonly #resolved: ResolvedAddress;
  #guard: ReadGuard | null = null;
  #isDirect = false;

  /** @internal */
  constructor(resolved: ResolvedAddress) {
    this.#resolved = resolved;
  }

  /** @internal Binds it to a section; null leaves its use unchecked. */
  renew(guard: ReadGuard | null, isWrite: boolean): this {
    this.#guard = guard;
    this.#isDirect = isDirect(this.#resolved.flags, isWrite);
    return this;
  }

  /** Id of the region; 0 if nothing answers, or an IOMMU refuses the access. */
  get region(): number {
    return this.#checked().region;
  }

  /** Offset of the first byte in the region. */
  get offset(): Address {
    return this.#checked().offset;
  }

  /** Flags of the range: see `RangeFlag`. */
  get flags(): number {
    return this.#checked().flags;
  }

  /** How many of the requested bytes the translation covers. */
  get length(): number {
    return this.#checked().length;
  }

  /** Name of the address space in which the access ends: another one behind an IOMMU. */
  get space(): string {
    return this.#checked().space.name;
  }

  /** The address in that address space. */
  get address(): Address {
    return this.#checked().address;
  }

  /** Whether the access goes to memory itself, without a callback. */
  get direct(): boolean {
    this.#checked();
    return this.#isDirect;
  }

  #checked(): ResolvedAddress {
    if (this.#guard !== null && !this.#guard.open) throw new FlatViewError("STALE_TRANSLATION", {});
    return this.#resolved;
  }
}
