/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Vcpu, type VcpuHandles } from "./vcpu.ts";

/** A vCPU's handles, a word that counts its slices, and the address of a device's register. */
export interface Entry {
  readonly handles: VcpuHandles;
  readonly slices: SharedArrayBuffer;
  readonly device: number;
}

const setup = ({ handles, slices, device }: Entry) => {
  const words = new Int32Array(slices);
  return {
    /** Runs a slice that throws, and cleans nothing up. */
    fail(): void {
      const cpu = new Vcpu(handles, "vCPU");
      cpu.run(() => {
        throw new Error("planted");
      });
    },
    /** Runs until it is stopped. Returns what it last read from RAM and from the device. */
    run(): { ram: number; device: number } {
      const cpu = new Vcpu(handles, "vCPU");
      const seen = { ram: 0, device: 0 };
      cpu.run(() => {
        const { unit } = cpu;
        unit.store8(0x1001, 0x11);
        unit.store16(0x1002, 0x3322);
        seen.ram = unit.load32(0x1000);
        unit.store64(0x1008, 1, 2);
        if (unit.load64(0x1008) !== 1 || unit.upper !== 2) seen.ram = -1;
        seen.device = unit.load32(device);
        cpu.loop.heed();
        Atomics.add(words, 0, 1);
        Atomics.notify(words, 0);
      });
      cpu.close();
      return seen;
    },
  };
};
export type Setup = typeof setup;
serve(setup);
