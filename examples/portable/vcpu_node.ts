import { runVcpu } from "./vcpu.ts";
import { answer } from "./workers_node.ts";

answer(runVcpu);
