import { ownPort } from "../../lib/workers_node.ts";
import { obey } from "./obey.ts";
import { runDevices } from "./run_devices.ts";

obey(ownPort(), runDevices);
