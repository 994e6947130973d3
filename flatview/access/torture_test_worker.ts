/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import {
  FLASH,
  isHole,
  PLACES,
  type Plant,
  REMOTE,
  Shared,
  SLOTS,
  SPLIT,
  VERSION_WORDS,
} from "../model/access_torture.ts";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { PageResolver } from "../vcpu/page_resolver.ts";
import { Tlb } from "../vcpu/tlb.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel, type MmioChannelHandle } from "./mmio/mmio_channel.ts";

/** What a vCPU is given. */
export interface VcpuData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  readonly shared: SharedArrayBuffer;
  readonly inPlace: number;
  readonly flash: number;
  readonly flavour: "memb" | "qsbr";
  readonly number: number;
  readonly plant: Plant;
}

const { OK, DECODE_ERROR } = MemTxResult;

const setup = (data: VcpuData) => {
  const { arena, domain, channel } = attachAll(data, { channel: MmioChannel });
  const reader = data.flavour === "memb" ? domain.register() : domain.register({ flavour: "qsbr" });
  const memory = new FlatMemory(data.memory);
  const access = new MemoryAccess({ arena, reader, memory, channel });
  const shared = new Int32Array(data.shared);
  const space = access.attach(data.space);
  const tlb = new Tlb(space, 64);
  const pages = new PageResolver(space);
  if (data.plant === "stale TLB") space.reader.generation = () => 1;
  const faults = new Set<string>();
  access.bind(data.inPlace, {
    read: () => {
      if (Atomics.load(shared, Shared.IN_PLACE_DEAD) !== 0) faults.add("a dead device was called");
      return 0x1dea;
    },
  });

  access.bind(data.flash, { read: () => FLASH.ops, write: () => {} });

  /** What was seen of a slot must be some version between its floor and its ceiling. */
  const judge = (what: string, slot: number, floor: number, seen: number, result: number) => {
    const ceiling = Atomics.load(shared, Shared.CEILING + slot);
    if (result === OK) {
      if (seen < floor || seen > ceiling) faults.add(`${what}: a version that is gone or to come`);
      return;
    }
    let couldBeHole = floor === 0;
    for (let version = floor; version <= ceiling; version++) couldBeHole ||= isHole(version);
    if (seen !== 0 || result !== DECODE_ERROR || !couldBeHole) {
      faults.add(`${what}: result ${result}`);
    }
  };
  const floorOf = (slot: number) => Atomics.load(shared, Shared.FLOOR + slot);

  const throughTlb = (round: number, floors: readonly number[]) => {
    SLOTS.forEach((address, slot) => {
      tlb.result = OK;
      const seen = tlb.load32(address + (round % VERSION_WORDS) * 4);
      judge("TLB", slot, floors[slot]!, seen, tlb.result);
      tlb.store32(address + 0x800 + data.number * 8, round);
    });
  };
  const throughSpace = (round: number) => {
    const slot = round % SLOTS.length;
    const floor = floorOf(slot);
    const seen = space.load32le(SLOTS[slot]!);
    judge("space", slot, floor, seen, space.result);
  };
  const device = (what: string, address: number, answer: number) => {
    tlb.result = OK;
    const seen = tlb.load32(address);
    const isAnswer = seen === answer && tlb.result === OK;
    if (!isAnswer && (seen !== 0 || tlb.result !== DECODE_ERROR)) {
      faults.add(`${what}: 0x${seen.toString(16)}, result ${tlb.result}`);
    }
  };

  /** Loads from the flash and stores to it, knowing what it had changed to before the section. */
  const flash = (round: number, floor: number) => {
    const seen = tlb.load32(FLASH.at + (round % VERSION_WORDS) * 4);
    const isSettled = floor === Atomics.load(shared, Shared.FLASH_CEILING);
    const now = floor % 2 === 0 ? FLASH.direct : FLASH.ops;
    const could: number[] = isSettled ? [now] : [FLASH.direct, FLASH.ops];
    if (!could.includes(seen)) {
      Atomics.add(shared, Shared.FLASH_WRONG, 1);
      faults.add(`flash: 0x${seen.toString(16)}, not what it is by now`);
    }
    // Not where a stale entry is planted: a store would make it anew.
    if (data.plant !== "stale TLB") tlb.store32(FLASH.at + 0x800, round);
  };

  /** A load of which one half is the device's of another context and one half a slot's. */
  const split = (floor: number) => {
    const seen = data.plant === "early piece" ? splitEarly() : splitRightly();
    const [low, high] = [seen & 0xffff, seen >>> 16];
    const ceiling = Atomics.load(shared, Shared.CEILING);
    let couldBe = high === 0 ? floor === 0 : high >= floor && high <= ceiling;
    for (let version = floor; high === 0 && version <= ceiling; version++) {
      couldBe ||= isHole(version);
    }
    if (couldBe && (low === 0 || low === REMOTE)) return;
    Atomics.add(shared, Shared.SPLIT_WRONG, 1);
    faults.add(couldBe ? "split: no half of a device" : "split: a version that is gone or to come");
  };
  const splitRightly = () => {
    pages.lock();
    const seen = pages.load(SPLIT, 4);
    pages.unlock();
    return seen;
  };
  /** The planted bug: where the second piece lies is found before the first one leaves the section. */
  const splitEarly = () => {
    pages.lock();
    const isMemory = pages.resolve(SLOTS[0]! / 0x1000) !== 0;
    const { window, at } = pages;
    const low = pages.load(SPLIT, 2);
    const high = isMemory ? window!.i32[at / 4]! & 0xffff : 0;
    pages.unlock();
    return (high << 16 | low) >>> 0;
  };

  return {
    run(): string[] {
      tlb.lock();
      flash(0, 0); // while it is memory
      tlb.unlock();
      if (reader.flavour === "qsbr") reader.quiescent();
      Atomics.add(shared, Shared.READY, 1);
      for (let round = 0; Atomics.load(shared, Shared.STOP) === 0; round++) {
        if (round % 3 === 0) throughSpace(round);
        // Before the section: what was gone by then must not be seen inside.
        const floors = SLOTS.map((_, slot) => floorOf(slot));
        const flashFloor = Atomics.load(shared, Shared.FLASH_FLOOR);
        tlb.lock();
        throughTlb(round, floors);
        flash(round, flashFloor);
        device("in place", PLACES.inPlace[round % 2]!, 0x1dea);
        if (round % 8 === 0) {
          device("remote", PLACES.remote[round / 8 % 2]!, REMOTE);
          throughTlb(round, floors); // in another section, perhaps
        }
        tlb.unlock();
        if (reader.flavour === "qsbr") reader.quiescent();
        if (round % 4 === 0) split(floorOf(0));
        Atomics.add(shared, Shared.SECTIONS, 1);
      }
      return [...faults];
    },
    leave(): void {
      access.close();
      reader.unregister();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
