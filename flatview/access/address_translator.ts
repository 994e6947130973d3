import { PhysMapError } from "@guestmem/physmap";
import type { Arena, ReadGuard } from "@guestmem/rcu";
import { RangeFlag } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { Address } from "../region/address.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { RegionOffset } from "./device/device_access.ts";
import type { IotlbEntry, RegionTranslator } from "./guest_memory.ts";
import { type RegionInfo, RegionRecords } from "./device/region_records.ts";
import { isDirect, type ResolvedAddress } from "./translation.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** IOMMUs that an access goes through at most; what needs more is unassigned. */
const MAX_IOMMUS = 8;

/** How an IOMMU region is translated in this worker. */
interface IommuBinding {
  readonly translator: RegionTranslator;
  readonly attrsToIndex: ((attrs: MemTxAttrs) => number) | undefined;
}

/** The way from an address to a region, in one worker: through flat views and IOMMUs. */
export class AddressTranslator {
  readonly #arena: Arena;
  readonly #iommus = new Map<number, IommuBinding>();
  readonly #targets = new Map<number, AddressSpaceReader>();
  readonly #spaces = new Map<number, AddressSpaceReader>();
  /** The regions of the one topology that this worker accesses. */
  #records: RegionRecords | null = null;
  #topology = 0;
  readonly #answer: IotlbEntry & { fault: null } = {
    target: 0,
    iova: 0.5,
    translated: 0.5,
    addrMask: 0,
    perm: 0,
    fault: null,
  };

  /** @param arena The arena. */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Attaches to an address space: the first one says whose regions this worker knows by id. */
  attach(handle: AddressSpaceHandle): AddressSpaceReader {
    const reader = AddressSpaceReader.attach(this.#arena, handle);
    if (this.#records === null) {
      this.#records = new RegionRecords(this.#arena, handle.regions);
      this.#topology = handle.topology;
    } else if (this.#topology !== handle.topology) {
      throw new FlatViewError("FOREIGN_TOPOLOGY", { addressSpace: handle.name });
    }
    this.#spaces.set(handle.cell, reader);
    return reader;
  }

  /** The address space whose cell lies at an offset, as this context sees it. */
  spaceAt(space: number, regions: number, topology: number): AddressSpaceReader {
    const known = this.#spaces.get(space);
    if (known?.handle.topology === topology) return known;
    const arena = this.#arena.handle.id;
    const kind = "guestmem-address-space";
    return this.attach({ kind, arena, cell: space, regions, topology, name: "" });
  }

  /** Binds a translator to an IOMMU region. */
  bindIommu(
    region: number,
    translator: RegionTranslator,
    attrsToIndex?: (attrs: MemTxAttrs) => number,
  ): void {
    this.#iommus.set(region, { translator, attrsToIndex });
  }

  /** Says which address space a translator's answer means by a number. */
  setTarget(number: number, space: AddressSpaceReader): void {
    this.#targets.set(number, space);
  }

  /** The regions of the topology; some address space is attached. */
  get records(): RegionRecords {
    return this.#records!;
  }

  /** What is known of the region that was found last. */
  info(section: ReadGuard, target: ResolvedAddress): RegionInfo {
    return this.#records!.get(section, target.region);
  }

  /**
   * Finds where an access goes. Through IOMMUs it goes on in the current views of the spaces behind.
   *
   * @param view The view of `space` to start in, of this section.
   * @param target Takes the answer.
   * @throws {FlatViewError} `IOMMU_UNBOUND` if the worker has no translator for an IOMMU on the way.
   * @throws {FlatViewError} `UNKNOWN_ADDRESS_SPACE` if a translator's target was not set.
   */
  translate(
    section: ReadGuard,
    space: AddressSpaceReader,
    view: number,
    address: Address,
    length: number,
    isWrite: boolean,
    attrs: MemTxAttrs,
    target: ResolvedAddress,
  ): void {
    target.translated = false;
    target.length = length;
    for (let hops = 0; hops <= MAX_IOMMUS; hops++) {
      const row = space.lookupIn(view, address);
      const flags = space.flags(row);
      target.space = space;
      target.address = address;
      target.region = space.region(row);
      target.flags = flags;
      target.offset = offsetOf(space, row, address);
      if ((flags & RangeFlag.IOMMU) === 0) {
        if ((flags & (RangeFlag.RAM | RangeFlag.ROM_DEVICE)) === 0) return;
        target.remaining = space.remaining(row, address);
        // Device registers may overlap their neighbours in decoding; memory does not.
        if ((flags & RangeFlag.RAM) !== 0 || isDirect(flags, isWrite)) {
          target.length = Math.min(target.length, target.remaining);
        }
        return;
      }
      target.translated = true;
      if (!this.#passIommu(target, isWrite, attrs)) break;
      space = this.#targets.get(this.#answer.target) ?? noTarget(this.#answer.target);
      view = space.view(section);
      address = target.address;
    }
    target.region = 0;
    target.flags = 0;
  }

  /** Goes through the IOMMU region that was found; false if it refuses. */
  #passIommu(target: ResolvedAddress, isWrite: boolean, attrs: MemTxAttrs): boolean {
    const binding = this.#iommus.get(target.region);
    if (!binding) throw new FlatViewError("IOMMU_UNBOUND", { region: target.region });
    const answer = this.#answer;
    const index = binding.attrsToIndex?.(attrs) ?? 0;
    const { offset } = target;
    if (!binding.translator.translate(offset, isWrite ? 2 : 1, index, answer)) return false;
    const inPage = typeof offset === "number"
      ? offset - answer.iova
      : Number(offset - BigInt(answer.iova));
    target.length = Math.min(target.length, answer.addrMask + 1 - inPage);
    const sum = answer.translated + inPage;
    target.address = sum <= Number.MAX_SAFE_INTEGER
      ? sum
      : BigInt(answer.translated) + BigInt(inPage);
    return true;
  }
}

/** Offset in its region of an address, as a number where that is exact. */
export function offsetOf(space: AddressSpaceReader, row: number, address: Address): RegionOffset {
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

function noTarget(target: number): never {
  throw new FlatViewError("UNKNOWN_ADDRESS_SPACE", { action: "go on behind an IOMMU", target });
}
