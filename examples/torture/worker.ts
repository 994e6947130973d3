/**
 * The worker side of a run: a reader or an updater.
 *
 * @module
 */

import { Arena } from "@guestmem/rcu";
import { say, work } from "../lib/crew_member.ts";
import { Control } from "./control.ts";
import { type Answer, nameOf, type Order } from "./messages.ts";
import { ReaderLoop } from "./reader.ts";
import { UpdaterLoop } from "./updater.ts";

work(async (order: Order) => {
  const arena = Arena.attach(order.arena, { label: nameOf(order) });
  const control = new Control(order.control);
  const loop = order.role === "reader"
    ? new ReaderLoop(arena, control, order)
    : new UpdaterLoop(arena, control, order);
  say<Answer>("ready");
  control.awaitGo();
  const result = await loop.run();
  arena.close();
  say<Answer>(result);
});
