import type { MemoryRegionOps } from "@guestmem/flatview";

const MAGIC = 0x74726976;
/** The legacy interface, the default of QEMU's slots. */
const VERSION = 1;
const VENDOR = 0x554d4551;

/** A virtio-mmio slot with no device: it shows who it is, and device id 0. */
export const EMPTY_VIRTIO_SLOT: MemoryRegionOps = {
  valid: { minAccessSize: 1, maxAccessSize: 8 },
  impl: { minAccessSize: 1, maxAccessSize: 8 },
  read: (offset) => {
    switch (Number(offset)) {
      case 0:
        return MAGIC;
      case 4:
        return VERSION;
      case 12:
        return VENDOR;
      default:
        return 0;
    }
  },
  write: () => {},
};
