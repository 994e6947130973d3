import { PhysMapError } from "@guestmem/physmap";
import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "../region/address.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { ReaderMemory } from "../view/view_memory.ts";
import { type RegionInfo, RegionRecords } from "./device/region_records.ts";
import type { IotlbEntry, RegionTranslator } from "./region_translator.ts";
import { isDirect, type ResolvedAddress } from "./resolved_address.ts";

/** Most IOMMUs that an access passes through; behind one more, the address is unassigned. */
const MAX_IOMMUS = 8;

/** An IOMMU region's translator in this worker. */
interface IommuBinding {
  readonly translator: RegionTranslator;
  readonly attrsToIndex: ((attrs: MemTxAttrs) => number) | undefined;
}

/** Resolves addresses in one worker: through flat views, and through IOMMUs to other flat views. */
export class AddressTranslator {
  readonly #memory: ReaderMemory;
  readonly #iommus = new Map<number, IommuBinding>();
  /** Address spaces behind IOMMUs, by the number that an IOMMU answers. */
  readonly #targets = new Map<number, AddressSpaceReader>();
  /** Attached address spaces, by cell. */
  readonly #spaces = new Map<number, AddressSpaceReader>();
  /** The regions of the one topology that this worker accesses; null until it is attached. */
  #records: RegionRecords | null = null;
  #topology = 0;
  // Fractions keep these fields doubles from the start: an address above 2^31 changes no shape.
  readonly #answer: IotlbEntry = {
    target: 0,
    iova: 0.5,
    translated: 0.5,
    addrMask: 0,
    perm: 0,
    fault: null,
  };

  /** @param memory The shared memory in which the views lie. */
  constructor(memory: ReaderMemory) {
    this.#memory = memory;
  }

  /**
   * Attaches to an address space. The first one determines the topology.
   *
   * @throws {FlatViewError} `FOREIGN_ADDRESS_SPACE` or `FOREIGN_TOPOLOGY`.
   */
  attach(handle: AddressSpaceHandle): AddressSpaceReader {
    const reader = AddressSpaceReader.attach(this.#memory, handle);
    if (this.#records === null) {
      this.#records = new RegionRecords(this.#memory, handle.regions);
      this.#topology = handle.topology;
    } else if (this.#topology !== handle.topology) {
      throw new FlatViewError("FOREIGN_TOPOLOGY", { addressSpace: handle.name });
    }
    this.#spaces.set(handle.cell, reader);
    return reader;
  }

  /** The address space whose cell lies at an offset; attaches if this context has not yet. */
  spaceAt(cell: number, regions: number, topology: number): AddressSpaceReader {
    const known = this.#spaces.get(cell);
    if (known?.handle.topology === topology) return known;
    const arena = this.#memory.handle.id;
    return this.attach({
      kind: "guestmem-address-space",
      arena,
      cell,
      regions,
      topology,
      name: "",
    });
  }

  /** Binds a translator to an IOMMU region. */
  bindIommu(
    region: number,
    translator: RegionTranslator,
    attrsToIndex?: (attrs: MemTxAttrs) => number,
  ): void {
    this.#iommus.set(region, { translator, attrsToIndex });
  }

  /** Sets the address space that translators mean by a number. */
  setTarget(number: number, space: AddressSpaceReader): void {
    this.#targets.set(number, space);
  }

  /** The regions of the topology. An address space must be attached. */
  get records(): RegionRecords {
    return this.#records!;
  }

  /** The record of the region that an address resolved to. */
  info(guard: ReadGuard, resolved: ResolvedAddress): RegionInfo {
    return this.#records!.get(guard, resolved.region);
  }

  /** The `ram_addr_t` of a resolved address, which is direct. */
  ramAddr(guard: ReadGuard, resolved: ResolvedAddress): number {
    return this.info(guard, resolved).ramAddr + Number(resolved.offset);
  }

  /**
   * Resolves an address: one look-up in the dispatch, and one more behind each IOMMU, in the view
   * that the address space there publishes now.
   *
   * @param view The view of `space` to start in, of this section.
   * @param resolved Receives the result.
   * @throws {FlatViewError} `IOMMU_UNBOUND` if this worker has no translator for an IOMMU on the way,
   * `UNKNOWN_ADDRESS_SPACE` if a translator's target was not set.
   */
  translate(
    guard: ReadGuard,
    space: AddressSpaceReader,
    view: number,
    address: Address,
    length: number,
    isWrite: boolean,
    attrs: MemTxAttrs,
    resolved: ResolvedAddress,
  ): void {
    resolved.translated = false;
    resolved.length = length;
    for (let hops = 0; hops <= MAX_IOMMUS; hops++) {
      const row = space.lookupIn(view, address);
      const flags = space.flags(row);
      resolved.space = space;
      resolved.address = address;
      resolved.row = row;
      resolved.region = space.region(row);
      resolved.flags = flags;
      resolved.offset = offsetOf(space, row, address);
      if ((flags & RangeFlag.IOMMU) === 0) {
        if ((flags & (RangeFlag.RAM | RangeFlag.ROM_DEVICE)) === 0) return;
        resolved.remaining = space.remaining(row, address);
        // A device may decode an access that runs over its end; memory does not.
        if ((flags & RangeFlag.RAM) !== 0 || isDirect(flags, isWrite)) {
          resolved.length = Math.min(resolved.length, resolved.remaining);
        }
        return;
      }
      resolved.translated = true;
      if (!this.#passIommu(resolved, isWrite, attrs)) break;
      space = this.#targets.get(this.#answer.target) ?? refuseTarget(this.#answer.target);
      view = space.view(guard);
      address = resolved.address;
    }
    resolved.region = 0;
    resolved.flags = 0;
  }

  /** Passes through the IOMMU region at the resolved address; false if it refuses the access. */
  #passIommu(resolved: ResolvedAddress, isWrite: boolean, attrs: MemTxAttrs): boolean {
    const binding = this.#iommus.get(resolved.region);
    if (!binding) throw new FlatViewError("IOMMU_UNBOUND", { region: resolved.region });
    const answer = this.#answer;
    const index = binding.attrsToIndex?.(attrs) ?? 0;
    const { offset } = resolved;
    if (!binding.translator.translate(offset, isWrite ? 2 : 1, index, answer)) return false;
    const inPage = typeof offset === "number"
      ? offset - answer.iova
      : Number(offset - BigInt(answer.iova));
    resolved.length = Math.min(resolved.length, answer.addrMask + 1 - inPage);
    const sum = answer.translated + inPage;
    resolved.address = sum <= Number.MAX_SAFE_INTEGER
      ? sum
      : BigInt(answer.translated) + BigInt(inPage);
    return true;
  }
}

/** Offset of an address in its region, as a number where that is exact. */
export function offsetOf(space: AddressSpaceReader, row: number, address: Address): Address {
  if (typeof address === "bigint") {
    const offset = space.offset(row, address);
    return offset <= Number.MAX_SAFE_INTEGER ? Number(offset) : offset;
  }
  try {
    return space.offset(row, address);
  } catch (error) {
    const isTooLarge = error instanceof PhysMapError && error.code === "OFFSET_PRECISION";
    if (!isTooLarge) throw error;
    return space.offset(row, BigInt(address));
  }
}

function refuseTarget(target: number): never {
  throw new FlatViewError("UNKNOWN_ADDRESS_SPACE", { action: "go on behind an IOMMU", target });
}
