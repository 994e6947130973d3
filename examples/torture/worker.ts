/**
 * The worker side of a run: a reader or an updater.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { Arena } from "@guestmem/rcu";
import { Control } from "./control.ts";
import type { Message, Order } from "./messages.ts";
import { ReaderLoop } from "./reader.ts";
import { UpdaterLoop } from "./updater.ts";

function send(message: Message): void {
  self.postMessage(message);
}

self.onmessage = async ({ data: order }: MessageEvent<Order>): Promise<void> => {
  const arena = Arena.attach(order.arena, { label: `${order.role} ${order.worker}` });
  const control = new Control(order.control);
  const loop = order.role === "reader"
    ? new ReaderLoop(arena, control, order)
    : new UpdaterLoop(arena, control, order);
  send({ kind: "ready", token: arena.token });
  control.awaitGo();
  const result = await loop.run();
  arena.close();
  send({ kind: "done", result });
  self.close();
};
