import { Arena, RcuDomain } from "@guestmem/rcu";
import { MemoryAccess, MmioChannel } from "@guestmem/flatview";
import { GuestRam } from "@guestmem/ramblock";
import { hear, say, work } from "../lib/crew_member.ts";
import { Findings } from "../lib/findings.ts";
import { DeviceBoard } from "./device_board.ts";
import type { DeviceOrder, DeviceResult, ServeOrder } from "./messages.ts";

/** The context that runs the devices: it says its token, then serves until it is told to stop. */
work(async (order: DeviceOrder) => {
  const arena = Arena.attach(order.arena, { label: "devices" });
  const reader = RcuDomain.attach(arena, order.domain).register({ label: "devices" });
  const access = new MemoryAccess({
    arena,
    reader,
    memory: GuestRam.attach(arena, order.ram),
    channel: MmioChannel.attach(arena, order.channel),
  });
  const board = new DeviceBoard(access, new Findings());
  say<number>(arena.token);

  const { devices, stop: buffer } = await hear<ServeOrder>();
  const stop = new Int32Array(buffer);
  for (const device of devices) board.plug(device);
  while (Atomics.load(stop, 0) === 0) access.serve(20);
  access.close();
  reader.unregister();
  arena.close();
  say<DeviceResult>({ served: board.served, findings: board.findings.list() });
});
