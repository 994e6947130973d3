import type { ReadGuard } from "@guestmem/rcu";
import type { Address } from "../region/address.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { AddressTranslator } from "./address_translator.ts";
import { accessSize, advance } from "./device/device_access.ts";
import { MemTxResult, RETRY } from "./device/mem_tx_result.ts";
import type { GuardHolder } from "./guard_holder.ts";
import type { MmioDispatcher } from "./mmio_dispatcher.ts";
import type { RamAccess } from "./ram_access.ts";
import { hasCallbacks, isDirect, type ResolvedAddress } from "./resolved_address.ts";

/** Reads and writes of any length, split into pieces as the regions on their way require. */
export class ByteAccess {
  readonly #resolved: ResolvedAddress;
  readonly #ram: RamAccess;
  readonly #translator: AddressTranslator;
  readonly #dispatcher: MmioDispatcher;

  /** @param resolved Where translations leave their result. */
  constructor(
    resolved: ResolvedAddress,
    ram: RamAccess,
    translator: AddressTranslator,
    dispatcher: MmioDispatcher,
  ) {
    this.#resolved = resolved;
    this.#ram = ram;
    this.#translator = translator;
    this.#dispatcher = dispatcher;
  }

  /** Reads any number of bytes; `into` gets zeros where nothing answers. */
  read(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    into: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const resolved = this.#resolved;
    let result: MemTxResult = MemTxResult.OK;
    let view = holder.view(space);
    for (let done = 0; done < into.length;) {
      const left = into.length - done;
      const from = advance(address, done);
      this.#translator.translate(holder.guard, space, view, from, left, false, attrs, resolved);
      if (isDirect(resolved.flags, false)) {
        const ramAddr = this.#translator.ramAddr(holder.guard, resolved);
        this.#ram.locate(holder.guard, resolved.region, ramAddr);
        done += this.#ram.copyOut(resolved.length, into, done);
        continue;
      }
      const size = this.#pieceSize(holder.guard, left);
      const outcome = this.#dispatcher.access(holder, resolved, size, false, false, attrs);
      // The access may have left the section and entered another, which has its own view.
      view = holder.view(space);
      if (outcome === RETRY) continue;
      this.#dispatcher.value.spread(into, done, size);
      result |= outcome;
      done += size;
    }
    return result;
  }

  /** Writes any number of bytes. */
  write(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const resolved = this.#resolved;
    let result: MemTxResult = MemTxResult.OK;
    let view = holder.view(space);
    for (let done = 0; done < from.length;) {
      const left = from.length - done;
      const to = advance(address, done);
      this.#translator.translate(holder.guard, space, view, to, left, true, attrs, resolved);
      if (isDirect(resolved.flags, true)) {
        done += this.#locateAndCopyIn(holder.guard, from, done);
        continue;
      }
      const size = this.#pieceSize(holder.guard, left);
      this.#dispatcher.value.gather(from, done, size);
      const outcome = this.#dispatcher.access(holder, resolved, size, true, false, attrs);
      view = holder.view(space);
      if (outcome === RETRY) continue;
      result |= outcome;
      done += size;
    }
    return result;
  }

  /** Writes to RAM, to ROM and to ROM devices in romd mode, and to nothing else: loads ROM contents. */
  writeRom(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
  ): MemTxResult {
    const resolved = this.#resolved;
    const { guard } = holder;
    const view = holder.view(space);
    let result: MemTxResult = MemTxResult.OK;
    for (let done = 0; done < from.length;) {
      const to = advance(address, done);
      const left = from.length - done;
      this.#translator.translate(guard, space, view, to, left, true, {}, resolved);
      if ((resolved.flags & (RangeFlag.RAM | RangeFlag.ROMD)) !== 0) {
        resolved.length = Math.min(resolved.length, resolved.remaining);
        done += this.#locateAndCopyIn(guard, from, done);
      } else {
        result = MemTxResult.DECODE_ERROR;
        done += this.#pieceSize(guard, left);
      }
    }
    return result;
  }

  /** Copies into the memory that was resolved and located last. @returns How many bytes. */
  copyIn(guard: ReadGuard, ramAddr: number, from: Uint8Array, done: number): number {
    const { length, flags } = this.#resolved;
    const count = this.#ram.copyIn(length, from, done);
    // The mark follows the write: whoever takes the mark then sees what was written.
    this.#ram.markDirty(guard, ramAddr, count, flags);
    return count;
  }

  #locateAndCopyIn(guard: ReadGuard, from: Uint8Array, done: number): number {
    const ramAddr = this.#translator.ramAddr(guard, this.#resolved);
    this.#ram.locate(guard, this.#resolved.region, ramAddr);
    return this.copyIn(guard, ramAddr, from, done);
  }

  #pieceSize(guard: ReadGuard, left: number): number {
    const resolved = this.#resolved;
    const info = hasCallbacks(resolved) ? this.#translator.info(guard, resolved) : null;
    return accessSize(info, Math.min(left, resolved.length), resolved.offset);
  }
}
