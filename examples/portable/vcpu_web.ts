import { runVcpu } from "./vcpu.ts";
import { answer } from "./workers_web.ts";

answer(runVcpu);
