/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { VmContext, type VmHandle } from "@guestmem/flatview/vm";
import { GuestRam } from "@guestmem/ramblock";

/** What a worker is given. */
export interface Data {
  readonly machine: VmHandle<GuestRam["handle"]>;
  readonly flavour: "memb" | "qsbr";
}

const setup = ({ machine, flavour }: Data) => {
  const vm = VmContext.attach(machine, GuestRam, { label: `a ${flavour} worker`, flavour });
  const stop = new AbortController();
  return {
    token: () => vm.arena.token,
    load: (address: number) => [vm.space.load32le(address), vm.space.result],
    /** Serves a device whose register n holds `first` + n. */
    own(region: number, first: number): void {
      vm.access.bind(region, { read: (offset) => first + Number(offset) });
      vm.access.listen(stop.signal);
    },
    /** Runs the loop of a vCPU, which loads a word in each of some slices. */
    runLoop(address: number, slices: number): number[] {
      const tlb = new Tlb(vm.space);
      const control = new VcpuControl();
      const seen: number[] = [];
      new VcpuLoop(tlb, vm.reader, control).run({
        run() {
          seen.push(tlb.load32(address));
          if (seen.length === slices) control.stop();
          return 0;
        },
        flush() {},
      });
      return seen;
    },
    leave(): void {
      stop.abort();
      vm.leave();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
