import type { Address } from "../region/address.ts";

/** Translates accesses to an IOMMU region, in one worker, inside a section. */
export interface RegionTranslator {
  /**
   * Translates an address.
   *
   * @param address The offset in the region. @param access 1 to read, 2 to write.
   * @param iommuIndex The index that the access's attributes give. @param answer Receives the answer.
   * @returns Whether the access is allowed.
   */
  translate(
    address: Address,
    access: 1 | 2,
    iommuIndex: number,
    answer: {
      /** Number of the address space in which the access goes on; see `MemoryAccess.setTarget`. */
      target: number;
      /** The address that was looked up, with the bits of the mask cleared. */
      iova: number;
      /** The translated address, with the bits of the mask cleared. */
      translated: number;
      /** Bits that pass through: 0xfff is a page of 4 KiB. */
      addrMask: number;
      /** 0 none, 1 read, 2 write, 3 both. */
      perm: number;
      /** Left alone. */
      fault: null;
    },
  ): boolean;
}

/** An IOMMU's answer. The caller passes the object, and the translator fills it in. */
export type IotlbEntry = Parameters<RegionTranslator["translate"]>[3];
