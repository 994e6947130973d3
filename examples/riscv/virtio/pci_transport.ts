/**
 * A virtio device on a PCI bus, as QEMU's modern one: four windows in BAR 4, MSI-X in BAR 1.
 *
 * @module
 */

import type { MemoryRegion, MemoryRegionOps } from "@guestmem/flatview";
import type { DmaMemory } from "../devices/dma_memory.ts";
import { ConfigurationSpace, REGISTER } from "../pci/configuration_space.ts";
import { Msix, MSIX_BAR } from "../pci/msix.ts";
import { PciFunction, type PciWiring } from "../pci/pci_function.ts";
import {
  ACCESS,
  addCapabilities,
  NOTIFY_BYTES,
  WINDOW_BAR,
  WINDOW_BYTES,
  WINDOWS,
} from "./pci_capabilities.ts";
import { half, isQueueSize, withHalf } from "./mmio_transport.ts";
import { causeOf, VirtioDevice, type VirtioKind } from "./virtio_device.ts";

const VENDOR = 0x1af4;
/** Device numbers of modern devices begin here. */
const FIRST_DEVICE = 0x1040;
/** Class and subclass by virtio's device id: network, block, entropy. */
const CLASSES: Readonly<Record<number, number>> = { 1: 0x0200, 2: 0x0100 };
const OTHER_CLASS = 0x00ff;

const MSIX = { bar: 1, capability: 0x98 } as const;
const NO_VECTOR = 0xffff;

/** Creates the regions of a device. */
export interface RegionMaker {
  container(name: string, bytes: number): MemoryRegion;
  io(name: string, bytes: number, ops: MemoryRegionOps): MemoryRegion;
}

/** A device on the bus. */
export class PciTransport {
  readonly device: VirtioDevice;
  readonly function: PciFunction;
  readonly #msix: Msix;
  #offeredSelect = 0;
  #acceptedSelect = 0;
  #queue = 0;
  #interrupt = 0;
  #configurationVector = NO_VECTOR;
  readonly #queueVectors: number[];

  constructor(kind: VirtioKind, memory: DmaMemory, regions: RegionMaker, wiring: PciWiring) {
    this.#queueVectors = new Array(kind.queues).fill(NO_VECTOR);
    this.device = new VirtioDevice(kind, {
      memory,
      interrupt: (queue) => this.#interruptFor(queue),
    });
    const configuration = new ConfigurationSpace({
      vendor: VENDOR,
      device: FIRST_DEVICE + kind.id,
      revision: 1,
      classCode: CLASSES[kind.id] ?? OTHER_CLASS,
      subsystem: 0x1100,
    });
    configuration.set8(REGISTER.INTERRUPT_PIN, 1);
    addCapabilities(configuration);
    this.#msix = new Msix(configuration, MSIX.capability, MSIX.bar, vectorsOf(kind), memory);
    this.function = new PciFunction(configuration, [
      { index: MSIX.bar, is64: false, region: this.#msixRegion(regions) },
      { index: WINDOW_BAR, is64: true, region: this.#windowRegion(regions) },
    ], wiring);
  }

  /** The guest reads the function's configuration. */
  read(offset: number, size: number): number {
    if (touchesData(offset, size)) {
      this.#throughConfiguration((ops, at, bytes) => {
        this.function.configuration.set32(ACCESS.data, Number(ops.read!(at, bytes, {})));
      });
    }
    return this.function.read(offset, size);
  }

  /** The guest writes it. */
  write(offset: number, value: number, size: number): void {
    this.function.write(offset, value, size);
    this.#msix.deliver();
    if (touchesData(offset, size)) {
      this.#throughConfiguration((ops, at, bytes) => {
        ops.write!(at, this.function.configuration.get32(ACCESS.data), bytes, {}, 0);
      });
    }
  }

  /** An access to a window of BAR 4 that the capability for it describes: for drivers without BARs. */
  #throughConfiguration(access: (ops: MemoryRegionOps, at: number, bytes: number) => void): void {
    const { configuration } = this.function;
    const at = configuration.get32(ACCESS.offset), bytes = configuration.get32(ACCESS.length);
    const window = WINDOWS[Math.floor(at / WINDOW_BYTES)]?.[0];
    if (!window || ![1, 2, 4].includes(bytes) || at % bytes !== 0) return;
    access(this.#windows[window], at % WINDOW_BYTES, bytes);
  }

  #msixRegion(regions: RegionMaker): MemoryRegion {
    const { kind } = this.device;
    const bar = regions.container(`${kind.name}-pci-msix`, MSIX_BAR.bytes);
    bar.addSubregion(0, regions.io("msix-table", this.#msix.tableBytes, this.#msix.table));
    const pending = regions.io("msix-pba", this.#msix.pendingBytes, this.#msix.pendingBits);
    bar.addSubregion(MSIX_BAR.pendingAt, pending);
    return bar;
  }

  #windowRegion(regions: RegionMaker): MemoryRegion {
    const bar = regions.container("virtio-pci", WINDOWS.length * WINDOW_BYTES);
    const ops = {
      common: this.#common,
      isr: this.#isr,
      device: this.#device,
      notify: this.#notify,
    };
    WINDOWS.forEach(([name], index) => {
      const region = regions.io(
        `virtio-pci-${name}-${this.device.kind.name}`,
        WINDOW_BYTES,
        ops[name],
      );
      bar.addSubregion(index * WINDOW_BYTES, region);
    });
    return bar;
  }

  readonly #common: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 4 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: (offset) => this.#readCommon(Number(offset)),
    write: (offset, value) => this.#writeCommon(Number(offset), value >>> 0),
  };

  /** Reading says why the device interrupted, and lowers the interrupt. */
  readonly #isr: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 4 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: () => {
      const causes = this.#interrupt;
      this.#interrupt = 0;
      this.function.setInterrupt(false);
      return causes;
    },
    write: () => {},
  };

  readonly #device: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 4 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: (offset, size) => {
      let value = 0;
      for (let byte = size; byte-- > 0;) {
        value = value << 8 | (this.device.kind.configuration[Number(offset) + byte] ?? 0);
      }
      return value >>> 0;
    },
    write: () => {},
  };

  readonly #notify: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 4 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: () => 0,
    write: (offset) => this.device.serve(Math.floor(Number(offset) / NOTIFY_BYTES)),
  };

  /** The callbacks of the windows, by name. */
  get #windows() {
    return { common: this.#common, isr: this.#isr, device: this.#device, notify: this.#notify };
  }

  #readCommon(register: number): number {
    const { device } = this, queue = device.registers[this.#queue];
    switch (register) {
      case 0:
        return this.#offeredSelect;
      case 4:
        return half(device.offered, this.#offeredSelect);
      case 8:
        return this.#acceptedSelect;
      case 12:
        return half(device.accepted, this.#acceptedSelect);
      case 16:
        return this.#configurationVector;
      case 18:
        return device.kind.queues;
      case 20:
        return device.status;
      case 22:
        return this.#queue;
      case 24:
        return queue?.size ?? 0;
      case 26:
        return this.#queueVectors[this.#queue] ?? NO_VECTOR;
      case 28:
        return Number(queue?.isEnabled ?? false);
      case 30:
        return this.#queue;
      case 32:
      case 36:
        return half(queue?.descriptors ?? 0n, (register - 32) / 4);
      case 40:
      case 44:
        return half(queue?.available ?? 0n, (register - 40) / 4);
      case 48:
      case 52:
        return half(queue?.used ?? 0n, (register - 48) / 4);
      default:
        return 0;
    }
  }

  #writeCommon(register: number, value: number): void {
    const { device } = this;
    switch (register) {
      case 0:
        this.#offeredSelect = value;
        break;
      case 8:
        this.#acceptedSelect = value;
        break;
      case 12:
        device.accept(withHalf(device.accepted, this.#acceptedSelect, value));
        break;
      case 16:
        this.#configurationVector = this.#vector(value);
        break;
      case 20:
        if ((value & 0xff) === 0) this.#reset();
        device.setStatus(value & 0xff);
        break;
      case 22:
        this.#queue = value & 0xffff;
        break;
      case 26:
        if (this.#queue < this.#queueVectors.length) {
          this.#queueVectors[this.#queue] = this.#vector(value);
        }
        break;
      case 28:
        if ((value & 0xffff) === 1) device.enable(this.#queue);
        break;
      default:
        this.#writeQueue(register, value);
    }
  }

  /** The size and the addresses of a queue that is not enabled yet. */
  #writeQueue(register: number, value: number): void {
    const queue = this.device.registers[this.#queue];
    if (!queue || queue.isEnabled) return;
    const which = register & 4 ? 1 : 0;
    switch (register & ~4) {
      case 24:
        if (register === 24 && isQueueSize(value)) queue.size = value;
        break;
      case 32:
        queue.descriptors = withHalf(queue.descriptors, which, value);
        break;
      case 40:
        queue.available = withHalf(queue.available, which, value);
        break;
      case 48:
        queue.used = withHalf(queue.used, which, value);
    }
  }

  #vector(value: number): number {
    return (value & 0xffff) < vectorsOf(this.device.kind) ? value & 0xffff : NO_VECTOR;
  }

  #interruptFor(queue: number | null): void {
    this.#interrupt |= causeOf(queue);
    if (!this.#msix.isEnabled) return this.function.setInterrupt(true);
    this.#msix.send(queue === null ? this.#configurationVector : this.#queueVectors[queue]!);
  }

  #reset(): void {
    this.#interrupt = 0;
    this.function.setInterrupt(false);
    this.#queue = 0;
    this.#configurationVector = NO_VECTOR;
    this.#queueVectors.fill(NO_VECTOR);
  }
}

function touchesData(offset: number, size: number): boolean {
  return offset < ACCESS.data + 4 && offset + size > ACCESS.data;
}

/** A vector for each queue, and one for the configuration; the network has one for control as well. */
function vectorsOf(kind: VirtioKind): number {
  return kind.name === "virtio-net" ? 4 : kind.queues + 1;
}
