/**
 * The device tree of the machine, as QEMU 7.2 describes its `virt` board.
 *
 * @module
 */

import { PLIC_SOURCES } from "../devices/plic.ts";
import { INTERRUPT, MEMORY_MAP, type Range, TIMEBASE, VIRTIO_SLOTS } from "./memory_map.ts";
import { cells64, type DeviceNode, node, type PropertyValue } from "./device_tree.ts";

/** What the tree depends on. */
export interface VirtTreeOptions {
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  /** The kernel's command line. */
  readonly bootArguments?: string | undefined;
  /** Where the initial RAM disk lies. */
  readonly initrd?: { readonly start: number; readonly end: number } | undefined;
  /** Seeds the kernel's random numbers: 32 bytes. */
  readonly seed: Uint8Array;
}

/** What the harts implement. */
const ISA = "rv64imafdc_zicsr_zifencei_zba_zbb_zbs_sstc";

/** References to nodes. */
const PHANDLE = { PLIC: 1, TEST: 2, HART: 16, HART_INTERRUPTS: 1024 } as const;

/** Interrupts of a hart. */
const CAUSE = { MACHINE_SOFTWARE: 3, MACHINE_TIMER: 7, SUPERVISOR: 9, MACHINE: 11 } as const;

/** Describes the machine. */
export function virtTree(options: VirtTreeOptions): DeviceNode {
  const harts = Array.from({ length: options.harts }, (_, hart) => hart);
  const properties = {
    "#address-cells": [2],
    "#size-cells": [2],
    compatible: "riscv-virtio",
    model: "riscv-virtio,qemu",
  };
  return node("", properties, [
    node("poweroff", sysconNode("syscon-poweroff", 0x5555)),
    node("reboot", sysconNode("syscon-reboot", 0x7777)),
    platformBus(),
    node(`memory@${hex(MEMORY_MAP.ram.base)}`, {
      device_type: "memory",
      reg: reg({ base: MEMORY_MAP.ram.base, size: options.memory }),
    }),
    cpus(harts),
    pmu(),
    node(`fw-cfg@${hex(MEMORY_MAP.fwCfg.base)}`, {
      compatible: "qemu,fw-cfg-mmio",
      reg: reg(MEMORY_MAP.fwCfg),
      "dma-coherent": true,
    }),
    flash(),
    chosen(options),
    soc(harts),
  ]);
}

function sysconNode(compatible: string, value: number): Record<string, PropertyValue> {
  return { compatible, regmap: [PHANDLE.TEST], offset: [0], value: [value] };
}

function platformBus(): DeviceNode {
  const { base, size } = MEMORY_MAP.platformBus;
  return node(`platform-bus@${hex(base)}`, {
    compatible: ["qemu,platform", "simple-bus"],
    "#address-cells": [1],
    "#size-cells": [1],
    ranges: [0, ...cells64(base), size],
    "interrupt-parent": [PHANDLE.PLIC],
  });
}

function cpus(harts: readonly number[]): DeviceNode {
  const map = harts.map((hart) => node(`core${hart}`, { cpu: [PHANDLE.HART + hart] }));
  return node("cpus", {
    "#address-cells": [1],
    "#size-cells": [0],
    "timebase-frequency": [TIMEBASE],
  }, [
    ...harts.map(cpu),
    node("cpu-map", {}, [node("cluster0", {}, map)]),
  ]);
}

function cpu(hart: number): DeviceNode {
  return node(`cpu@${hex(hart)}`, {
    phandle: [PHANDLE.HART + hart],
    device_type: "cpu",
    reg: [hart],
    status: "okay",
    compatible: "riscv",
    "riscv,isa": ISA,
    "mmu-type": "riscv,sv48",
  }, [
    node("interrupt-controller", {
      "#interrupt-cells": [1],
      "interrupt-controller": true,
      compatible: "riscv,cpu-intc",
      phandle: [PHANDLE.HART_INTERRUPTS + hart],
    }),
  ]);
}

/** The events that QEMU's counters could count. The harts' counters count none of them. */
function pmu(): DeviceNode {
  const events = [[0x1, 0x7fff9], [0x2, 0x7fffc]].flatMap((
    [event, counters],
  ) => [event!, event!, counters!]);
  const caches = [0x10019, 0x1001b, 0x10021].flatMap((event) => [event, event, 0x7fff8]);
  return node("pmu", {
    compatible: "riscv,pmu",
    "riscv,event-to-mhpmcounters": [...events, ...caches, 0, 0, 0, 0, 0],
  });
}

function flash(): DeviceNode {
  const { base, size } = MEMORY_MAP.flash;
  const half = size / 2;
  return node(`flash@${hex(base)}`, {
    compatible: "cfi-flash",
    reg: [...reg({ base, size: half }), ...reg({ base: base + half, size: half })],
    "bank-width": [4],
  });
}

function chosen({ bootArguments, initrd, seed }: VirtTreeOptions): DeviceNode {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.length);
  return node("chosen", {
    "stdout-path": `/soc/serial@${hex(MEMORY_MAP.uart.base)}`,
    "rng-seed": Array.from({ length: 8 }, (_, index) => view.getUint32(4 * index)),
    ...bootArguments === undefined ? {} : { bootargs: bootArguments },
    ...initrd === undefined ? {} : {
      "linux,initrd-start": [initrd.start],
      "linux,initrd-end": [initrd.end],
    },
  });
}

function soc(harts: readonly number[]): DeviceNode {
  const { software, timer, testFinisher, uart, rtc, virtio } = MEMORY_MAP;
  const interrupts = (causes: readonly number[]) =>
    harts.flatMap((hart) => causes.flatMap((cause) => [PHANDLE.HART_INTERRUPTS + hart, cause]));
  const device = (name: string, range: Range, rest: Record<string, PropertyValue>) =>
    node(`${name}@${hex(range.base)}`, { reg: reg(range), ...rest });
  const wired = (interrupt: number) => ({
    interrupts: [interrupt],
    "interrupt-parent": [PHANDLE.PLIC],
  });
  return node("soc", {
    "#address-cells": [2],
    "#size-cells": [2],
    compatible: "simple-bus",
    ranges: true,
  }, [
    device("clint", { base: software.base, size: software.size + timer.size + 0x4000 }, {
      compatible: ["sifive,clint0", "riscv,clint0"],
      "interrupts-extended": interrupts([CAUSE.MACHINE_SOFTWARE, CAUSE.MACHINE_TIMER]),
    }),
    device("plic", MEMORY_MAP.plic, {
      phandle: [PHANDLE.PLIC],
      "riscv,ndev": [PLIC_SOURCES],
      "interrupts-extended": interrupts([CAUSE.MACHINE, CAUSE.SUPERVISOR]),
      "interrupt-controller": true,
      compatible: ["sifive,plic-1.0.0", "riscv,plic0"],
      "#address-cells": [0],
      "#interrupt-cells": [1],
    }),
    device("test", testFinisher, {
      phandle: [PHANDLE.TEST],
      compatible: ["sifive,test1", "sifive,test0", "syscon"],
    }),
    device("rtc", rtc, { ...wired(INTERRUPT.rtc), compatible: "google,goldfish-rtc" }),
    device("serial", uart, {
      ...wired(INTERRUPT.uart),
      "clock-frequency": [3686400],
      compatible: "ns16550a",
    }),
    pci(),
    ...Array.from(
      { length: VIRTIO_SLOTS },
      (_, slot) =>
        device("virtio_mmio", { ...virtio, base: virtio.base + slot * virtio.size }, {
          ...wired(INTERRUPT.virtio + slot),
          compatible: "virtio,mmio",
        }),
    ),
  ]);
}

function pci(): DeviceNode {
  const { pciConfiguration, pciPorts, pciMemory, pciHighMemory } = MEMORY_MAP;
  // Codes of the spaces, in the upper byte of the first cell.
  const PORTS = 0x1000000, MEMORY = 0x2000000, MEMORY_64 = 0x3000000;
  const window = (space: number, bus: number, { base, size }: Range) => [
    ...[space, ...cells64(bus)],
    ...[...cells64(base), ...cells64(size)],
  ];
  return node(`pci@${hex(pciConfiguration.base)}`, {
    compatible: "pci-host-ecam-generic",
    device_type: "pci",
    "linux,pci-domain": [0],
    "bus-range": [0, 255],
    "dma-coherent": true,
    reg: reg(pciConfiguration),
    ranges: [
      ...window(PORTS, 0, pciPorts),
      ...window(MEMORY, pciMemory.base, pciMemory),
      ...window(MEMORY_64, pciHighMemory.base, pciHighMemory),
    ],
    "#address-cells": [3],
    "#size-cells": [2],
    "#interrupt-cells": [1],
    "interrupt-map-mask": [0x1800, 0, 0, 7],
    "interrupt-map": interruptMap(),
  });
}

/** The four pins of each of four slots, rotated from slot to slot. */
function interruptMap(): number[] {
  const rows: number[] = [];
  for (let slot = 0; slot < 4; slot++) {
    for (let pin = 0; pin < 4; pin++) {
      const source = INTERRUPT.pci + (slot + pin) % 4;
      rows.push(slot << 11, 0, 0, pin + 1, PHANDLE.PLIC, source);
    }
  }
  return rows;
}

function reg({ base, size }: Range): number[] {
  return [...cells64(base), ...cells64(size)];
}

function hex(value: number): string {
  return value.toString(16);
}
