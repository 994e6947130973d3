/// <reference lib="deno.worker" />
import { Arena, RcuDomain } from "@guestmem/rcu";
import { MemoryAccess, MmioChannel } from "@guestmem/flatview";
import { GuestRam } from "@guestmem/ramblock";
import { Findings } from "../lib/findings.ts";
import { DeviceBoard } from "./device_board.ts";
import type { DeviceOrder, DeviceResult, ServeOrder } from "./messages.ts";

/** The context that runs the devices: it tells its token, then serves until it is to stop. */
self.onmessage = ({ data: order }: MessageEvent<DeviceOrder>) => {
  const arena = Arena.attach(order.arena, { label: "devices" });
  const reader = RcuDomain.attach(arena, order.domain).register({ label: "devices" });
  const access = new MemoryAccess({
    arena,
    reader,
    memory: GuestRam.attach(arena, order.ram),
    channel: MmioChannel.attach(arena, order.channel),
  });
  const board = new DeviceBoard(access, new Findings());
  self.onmessage = ({ data }: MessageEvent<ServeOrder>) => {
    const stop = new Int32Array(data.stop);
    for (const device of data.devices) board.plug(device);
    while (Atomics.load(stop, 0) === 0) access.serve(20);
    access.close();
    reader.unregister();
    arena.close();
    const result: DeviceResult = { served: board.served, findings: board.findings.list() };
    self.postMessage(result);
    self.close();
  };
  self.postMessage(arena.token);
};
