/**
 * Notifiers: how the control context informs those that keep a copy of an IOMMU's mappings. After
 * QEMU's `IOMMUNotifier`.
 *
 * @module
 */

/** A change of a region's mappings. Valid during the call. */
export interface IommuEvent {
  /** What happened: a range was mapped; was unmapped; is to be dropped from a device's own IOTLB. */
  readonly kind: "map" | "unmap" | "deviceIotlbUnmap";
  /** First address, within the notifier's range. */
  readonly first: bigint;
  /** Last address, inclusive, within the notifier's range. */
  readonly last: bigint;
  /** What the first address translates to; 0 unless mapped. */
  readonly target: bigint;
  /** Permissions: 1 read, 2 write, 3 both; 0 unless mapped. */
  readonly perm: number;
}

/** What follows a region's mappings, and what it wants to know. */
export interface IommuNotifier {
  /** The kinds of events that it receives. */
  readonly kinds: readonly IommuEvent["kind"][];
  /** First address of its range. */
  readonly first: number | bigint;
  /** Last address of its range, inclusive. */
  readonly last: number | bigint;
  /** The IOMMU index whose mappings it follows. */
  readonly index: number;
  /** Receives an event. It must neither throw nor change mappings of the region. */
  notify(event: IommuEvent): void;
}
