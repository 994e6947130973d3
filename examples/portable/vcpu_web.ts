import { runVcpu } from "./vcpu.ts";
import { answer } from "../lib/workers.ts";

answer(runVcpu);
