/**
 * Devices by description: what `--drive`, `--net` and the monitor's `device_add` name.
 *
 * @module
 */

import { type DiskMode, openDisk } from "../virtio/disk_file.ts";
import type { PciSlots } from "../machine/pci_slots.ts";
import { VirtioBlock } from "../virtio/block.ts";
import { VirtioEntropy } from "../virtio/entropy.ts";
import { VirtioNetwork } from "../virtio/network.ts";
import type { VirtioDevice, VirtioKind } from "../virtio/virtio_device.ts";

/** A device that is to be plugged in. */
export type DeviceSpec =
  | {
    readonly driver: "virtio-blk-pci";
    readonly id: string;
    readonly file: string;
    readonly mode: DiskMode;
  }
  | { readonly driver: "virtio-rng-pci"; readonly id: string }
  | { readonly driver: "virtio-net-pci"; readonly id: string; readonly network: string };

/** What a description becomes: a kind of device, what starts it once it is plugged in, and what ends it. */
interface Made {
  readonly kind: VirtioKind;
  start?(device: VirtioDevice): void;
  end?(): void;
}

/** Plugs devices in and out by description. In the context that runs the devices. */
export class DevicesBySpec {
  readonly #slots: PciSlots;
  readonly #ends = new Map<string, () => void>();

  constructor(slots: PciSlots) {
    this.#slots = slots;
  }

  /**
   * Plugs a device in.
   *
   * @throws What opening its file does, and what `PciSlots.plug` does.
   */
  plug(spec: DeviceSpec): void {
    const made = make(spec);
    try {
      const { device } = this.#slots.plug(made.kind, spec.id);
      made.start?.(device);
    } catch (error) {
      made.end?.();
      throw error;
    }
    this.#ends.set(spec.id, () => made.end?.());
  }

  /** Takes a device out; see `PciSlots.unplug`. */
  unplug(id: string): void {
    this.#slots.unplug(id);
    this.#ends.get(id)?.();
    this.#ends.delete(id);
  }

  /** Closes what the devices have open. */
  close(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }
}

function make(spec: DeviceSpec): Made {
  switch (spec.driver) {
    case "virtio-blk-pci": {
      const disk = openDisk(spec.file, spec.mode);
      return { kind: new VirtioBlock(disk, spec.id), end: () => disk.close() };
    }
    case "virtio-rng-pci":
      return { kind: new VirtioEntropy() };
    case "virtio-net-pci":
      return network(spec.network);
  }
}

/** Receive queue of a network card. */
const RECEIVE = 0;

/** A card in the network of a name: all machines of this process that are in it get every frame. */
function network(name: string): Made {
  const channel = new BroadcastChannel(`guestmem-network-${name}`);
  const card = new VirtioNetwork({ send: (frame) => channel.postMessage(frame) }, randomMac());
  return {
    kind: card,
    start(device) {
      channel.onmessage = ({ data }: MessageEvent<Uint8Array>) => {
        card.receive(data);
        device.serve(RECEIVE);
      };
    },
    end: () => channel.close(),
  };
}

/** A locally administered address, as QEMU's begin. */
function randomMac(): Uint8Array {
  return Uint8Array.of(0x52, 0x54, 0, ...crypto.getRandomValues(new Uint8Array(3)));
}

/**
 * Reads the words of the monitor's `device_add`: a driver, then properties.
 *
 * @throws {RangeError} If the driver or a property is unknown, or one is missing.
 */
export function parseDevice(text: string): DeviceSpec {
  const [driver = "", ...properties] = text.split(",");
  const values = new Map(properties.map((property) => {
    const at = property.indexOf("=");
    return at < 0
      ? [property, ""] as const
      : [property.slice(0, at), property.slice(at + 1)] as const;
  }));
  const take = (name: string): string => {
    const value = values.get(name);
    if (!value) throw new RangeError(`Cannot add a ${driver}: give it ${name}=...`);
    values.delete(name);
    return value;
  };
  const id = DRIVERS.includes(driver) ? take("id") : "";
  const spec = specOf(driver, id, take, values);
  const [unknown] = values.keys();
  if (unknown !== undefined) {
    throw new RangeError(`Cannot add a ${driver}: it has no property "${unknown}"`);
  }
  return spec;
}

const DRIVERS = ["virtio-blk-pci", "virtio-rng-pci", "virtio-net-pci"];

function specOf(
  driver: string,
  id: string,
  take: (name: string) => string,
  values: Map<string, string>,
): DeviceSpec {
  switch (driver) {
    case "virtio-blk-pci":
      return { driver, id, file: take("file"), mode: modeOf(values) };
    case "virtio-rng-pci":
      return { driver, id };
    case "virtio-net-pci":
      return { driver, id, network: take("network") };
    default:
      throw new RangeError(`Cannot add a "${driver}": the drivers are ${DRIVERS.join(", ")}`);
  }
}

/** Takes `readonly=on` and `snapshot=on`. */
function modeOf(values: Map<string, string>): DiskMode {
  const isOn = (name: string) => {
    const value = values.get(name);
    values.delete(name);
    return value === "on";
  };
  const isReadOnly = isOn("readonly"), isSnapshot = isOn("snapshot");
  return isReadOnly ? "readonly" : isSnapshot ? "snapshot" : "writable";
}
