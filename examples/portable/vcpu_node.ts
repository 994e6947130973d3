import { runVcpu } from "./vcpu.ts";
import { answer } from "../lib/workers_node.ts";

answer(runVcpu);
