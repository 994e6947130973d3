/**
 * The places of the machine that change while it runs, by their numbers in the ledger.
 *
 * @module
 */

import { Key } from "./answers.ts";

/** A place. The ledger says what an access may find there. */
export interface Place {
  /** Name in messages. */
  readonly name: string;
  /** The addresses that its region moves between. */
  readonly homes: readonly number[];
  /** Size of the region. */
  readonly bytes: number;
  /**
   * Key of the words that are stored to it; null for memory whose content differs between versions.
   */
  readonly writeKey: number | null;
}

/** The BARs that move: ids of their regions in the machine file, and their addresses. */
export const BARS = [
  { id: 108, name: "virtio-net BAR", homes: [0xfd60_0000, 0xc000_0000], bytes: 0x4000 },
  { id: 113, name: "virtio-blk BAR", homes: [0xfd60_4000, 0xc100_0000], bytes: 0x4000 },
  { id: 118, name: "virtio-rng BAR", homes: [0xfd60_8000, 0xc200_0000], bytes: 0x4000 },
] as const;

/** Ids in the machine file of other regions that change or need special treatment. */
export const FileId = { SYSTEM: 97, VGA_WINDOW: 100, SHARED: 104, SMRAM_WINDOW: 176, RAM: 252 };

/** The VGA's window, and the RAM behind it. */
export const VGA = { at: 0xa_0000, bytes: 0x2_0000 } as const;
/** The DIMMs' slots, above all other RAM. */
export const DIMM = { homes: [0x1_4000_0000, 0x1_4010_0000], bytes: 0x2_0000 } as const;
/** The addresses of two pages that are swapped. */
export const TWINS = [0xc800_0000, 0xc801_0000] as const;
/** I/O virtual address of the page that the IOMMU maps, and the RAM pages that it is mapped to. */
export const DMA = { iova: 0x4000, targets: [0x40_0000, 0x40_1000] } as const;
/** The RAM that the vCPUs work on: this many pages from each address. */
export const WORK = { from: [0x10_0000, 0x1_0000_0000], pages: 64 } as const;
/** A page of RAM in which vCPUs look for torn words. */
export const TEAR_PAGE = 0x50_0000;
/** Offset in the block of the RAM above 4 GiB. */
export const HIGH_RAM = 0x8000_0000;

const FLASH_AT = 0xcc00_0000;
const PLUGGED_AT = 0xcd00_0000;
/** Sizes of the flash memory and of the device that is plugged and unplugged. */
export const FLASH_BYTES = 0x1_0000;
export const DEVICE_BYTES = 0x1000;

/** All places. */
export const PLACES: readonly Place[] = [
  ...BARS.map(({ id, ...bar }) => ({ ...bar, writeKey: id })),
  { name: "SMRAM", homes: [VGA.at], bytes: VGA.bytes, writeKey: Key.HIDDEN_RAM },
  {
    name: "shared-memory BAR",
    homes: [0xfc00_0000, 0xd000_0000],
    bytes: 0x4_0000,
    writeKey: Key.SHARED,
  },
  { name: "flash", homes: [FLASH_AT], bytes: FLASH_BYTES, writeKey: Key.FLASH_REGISTERS },
  ...DIMM.homes.map((home, index) => (
    { name: `DIMM ${index}`, homes: [home], bytes: DIMM.bytes, writeKey: null }
  )),
  { name: "device", homes: [PLUGGED_AT], bytes: DEVICE_BYTES, writeKey: null },
  { name: "twins", homes: TWINS, bytes: 0x1000, writeKey: null },
  { name: "IOMMU", homes: [DMA.iova], bytes: 0x1000, writeKey: null },
];

const numberOf = (name: string): number => PLACES.findIndex((place) => place.name === name);

/** Numbers of the places. The BARs come first. */
export const PlaceNumber = {
  SMRAM: numberOf("SMRAM"),
  SHARED: numberOf("shared-memory BAR"),
  FLASH: numberOf("flash"),
  DIMMS: DIMM.homes.map((_, index) => numberOf(`DIMM ${index}`)),
  DEVICE: numberOf("device"),
  TWINS: numberOf("twins"),
  IOMMU: numberOf("IOMMU"),
} as const;
