import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "./address.ts";
import type { MemoryRegion, RegionOptions } from "./memory_region.ts";
import { Region } from "./region.ts";
import type { RegionHost } from "./region_host.ts";
import type { RamBacking } from "./region_ops.ts";
import type { RegionNature } from "./region_state.ts";

/**
 * Creates a region.
 *
 * @param host What it needs of its topology.
 * @param id Unique in the topology.
 * @param name Name.
 * @param size Bytes.
 * @param nature What it consists of.
 * @param options What the caller gave.
 * @throws {FlatViewError} `INVALID_ADDRESS`; `INVALID_EDIT` if `impl.unaligned` is set and
 * `valid.unaligned` is not.
 */
export function createRegion(
  host: RegionHost,
  id: number,
  name: string,
  size: Address,
  nature: RegionNature,
  options: RegionOptions,
): MemoryRegion {
  const bytes = toSize(size, "the size of a region");
  const { valid, impl } = nature.ops ?? {};
  if (impl?.unaligned && !valid?.unaligned) {
    const reason = "its callbacks take unaligned accesses (impl), which it does not accept (valid)";
    throw new FlatViewError("INVALID_EDIT", { action: "create", region: name, reason });
  }
  return new Region(host, id, name, bytes, nature, options);
}

/** Checks the RAM that a caller gives. */
export function toRam({ blockId, ramAddr }: RamBacking): RamBacking<bigint> {
  return { blockId, ramAddr: toAddress(ramAddr, "the ram_addr_t of a region") };
}
