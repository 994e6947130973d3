import { ownPort } from "../../lib/workers.ts";
import type { HartMessage, HartOrder } from "./messages.ts";
import { obey } from "./obey.ts";
import { runHart } from "./run_hart.ts";

obey<HartOrder, HartMessage>(ownPort(), (order, port) => {
  port.post({ kind: "ended", report: runHart(order) });
});
