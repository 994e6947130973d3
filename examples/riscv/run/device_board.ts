/**
 * The devices of a machine, wired up. They run in one context, which owns the map.
 *
 * @module
 */

import type { VcpuControl } from "@guestmem/flatview/vcpu";
import { VirtualMachine } from "@guestmem/flatview/vm";
import { GuestRam, type GuestRamHandle, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { CfiFlash } from "../devices/cfi_flash.ts";
import { dmaMemory } from "../devices/dma_memory.ts";
import { FwCfg } from "../devices/fw_cfg.ts";
import { GoldfishRtc } from "../devices/goldfish_rtc.ts";
import { type GuestExit, testFinisherOps } from "../devices/test_finisher.ts";
import { Uart } from "../devices/uart.ts";
import { INTERRUPT, MEMORY_MAP } from "../fdt/memory_map.ts";
import { attachInPlaceDevices, type InPlaceDevices } from "../machine/in_place_devices.ts";
import type { SharedHandles } from "../machine/shared_memory.ts";
import {
  addHartAreas,
  type BoardOps,
  type BoundRegion,
  VirtMachine,
  WINDOW_BYTES,
} from "../machine/virt_machine.ts";
import { PciSlots } from "../machine/pci_slots.ts";
import { PciBus } from "../pci/pci_bus.ts";
import type { MachineClock } from "../signals/machine_clock.ts";
import { DeviceLoop } from "./device_loop.ts";

/** What the board is connected to. */
export interface BoardWiring {
  /** The serial port sent a byte. */
  transmit(byte: number): void;
  /** The guest ended its run. */
  finish(exit: GuestExit): void;
}

/** A machine with its devices. */
export class DeviceBoard {
  readonly machine: VirtMachine;
  /** The map, guest RAM and this context's accesses. */
  readonly vm: VirtualMachine<GuestRamHandle>;
  /** Serves the harts. */
  readonly loop: DeviceLoop;
  readonly uart: Uart;
  readonly clock: MachineClock;
  /** Steer the harts. */
  readonly controls: readonly VcpuControl[];
  /** Address of each hart's area in the first window. */
  readonly hartAreas: readonly number[];
  /** Regions that every hart serves itself. */
  readonly inPlace: { readonly software: number; readonly timer: number; readonly plic: number };
  /** What is plugged into the PCI bus. */
  readonly pci: PciSlots;
  readonly #rtc: GoldfishRtc;
  readonly #window: WebAssembly.Memory;

  /** Attaches this context to the shared memory, and builds the machine. */
  constructor(shared: SharedHandles, harts: number, memory: number, wiring: BoardWiring) {
    const arena = Arena.attach(shared.arena, { label: "devices" });
    const ram = GuestRam.create(RcuDomain.attach(arena, shared.domain), { bytes: WINDOW_BYTES });
    const blocks = new RamList(ram);
    this.hartAreas = addHartAreas(blocks, harts);
    this.#window = ram.handle.windows[0]!;
    const shown = attachInPlaceDevices(arena, shared, this.#window, this.hartAreas);
    const { plic, aclint } = shown;
    this.controls = shown.controls;
    this.clock = shown.clock;
    aclint.reset();
    this.uart = new Uart({
      transmit: (byte) => wiring.transmit(byte),
      setLine: (isUp) => plic.setLevel(INTERRUPT.uart, isUp),
    });
    this.#rtc = createRtc((isUp) => plic.setLevel(INTERRUPT.rtc, isUp));
    const bus = new PciBus((line, isUp) => plic.setLevel(INTERRUPT.pci + line, isUp));
    const ops = this.#ops(shown, bus, harts, wiring);
    this.vm = new VirtualMachine(ram.domain, blocks);
    this.machine = new VirtMachine({ vm: this.vm, blocks, harts, memory, ops });
    this.loop = new DeviceLoop(this.vm.access);
    const { bound } = this.machine;
    for (const { region, ops: callbacks } of bound) this.loop.bind(region.id, callbacks);
    this.inPlace = {
      software: idOf(bound, ops.software),
      timer: idOf(bound, ops.timer),
      plic: idOf(bound, ops.plic),
    };
    this.pci = this.#slots(bus);
  }

  /** The callbacks of all regions. */
  #ops(
    { plic, aclint }: InPlaceDevices,
    bus: PciBus,
    harts: number,
    wiring: BoardWiring,
  ): BoardOps {
    const fwCfg = new FwCfg(harts, new Map(), dmaMemory(() => this.vm.space));
    return {
      testFinisher: testFinisherOps((exit) => wiring.finish(exit)),
      rtc: this.#rtc.ops,
      software: aclint.software,
      timer: aclint.timer,
      plic: plic.ops,
      uart: this.uart.ops,
      fwCfgData: fwCfg.data,
      fwCfgControl: fwCfg.control,
      fwCfgDma: fwCfg.dma,
      flash: [this.#flash(0).ops, this.#flash(1).ops],
      pciConfiguration: bus.ops,
    };
  }

  #flash(index: number): CfiFlash {
    const bytes = MEMORY_MAP.flash.size / 2;
    return new CfiFlash({
      bytes,
      // The block is never removed, so no section is needed to keep it.
      content: () =>
        new Uint8Array(this.#window.buffer, this.machine.flashAddresses[index]!, bytes),
      setRomd: (isRomd) => this.machine.flashes[index]!.setRomd(isRomd),
    });
  }

  #slots(bus: PciBus): PciSlots {
    const { topology, memory, pciMemory } = this.machine;
    return new PciSlots({
      topology,
      system: memory.root,
      memory: pciMemory,
      access: {
        attach: (handle) => this.vm.access.attach(handle),
        bind: (region, ops) => this.loop.bind(region, ops),
        unbind: (region) => this.vm.access.unbind(region),
      },
      bus,
    });
  }

  /** Puts an image into memory, ROM included. Before the harts start. */
  load(address: number, bytes: Uint8Array): void {
    this.vm.space.writeRom(address, bytes);
  }

  /** Ends the devices. */
  close(): void {
    this.#rtc.close();
    this.vm.access.close();
  }
}

function idOf(bound: readonly BoundRegion[], ops: unknown): number {
  return bound.find((one) => one.ops === ops)!.region.id;
}

function createRtc(setLine: (isUp: boolean) => void): GoldfishRtc {
  return new GoldfishRtc({
    now: () => Date.now(),
    schedule: (milliseconds, act) => {
      const timer = setTimeout(act, milliseconds);
      return () => clearTimeout(timer);
    },
    setLine,
  });
}
