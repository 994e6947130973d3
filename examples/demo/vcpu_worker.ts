import { say, work } from "../lib/crew_member.ts";
import { Guest } from "./guest.ts";
import type { VcpuOrder, VcpuResult } from "./messages.ts";

work((order: VcpuOrder) => say<VcpuResult>(new Guest(order).run()));
