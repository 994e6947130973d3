// The run loop: fetches decoded instructions and executes them until the slice ends.
//
// Everything that is hot is in one function, since WebAssembly has no registers that outlive a call:
// `pc`, the decoded instruction and the budget are locals. The state has a `pc` only at the ends.

import { flags, setFlags } from "../fp/fp.as";
import { atomicInstruction, fence } from "./atomics.as";
import { bitManipulation } from "./bit_manipulation.as";
import { count } from "./counters.as";
import { decodeAt, enterCode, fenceInstructions, isCut } from "./fetch.as";
import { floatInstruction } from "./float.as";
import { floatLoad, floatStore } from "./float_memory.as";
import { div, mulh, mulhsu, mulhu, rem } from "./integer.as";
import {
  EXIT_BUDGET, EXIT_MMIO_LOAD, EXIT_MMIO_STORE, EXIT_WFI, HART_FLOAT_FLAGS, HART_MMIO_KIND, HART_PC,
  HART_X, MMIO_LOAD, OP_ADD, OP_ADDI, OP_ADDIW, OP_ADDW, OP_AMO, OP_AND, OP_ANDI, OP_AUIPC, OP_BEQ, OP_BGE,
  OP_BGEU, OP_BITS, OP_BITS_IMMEDIATE, OP_BLT, OP_BLTU, OP_BNE, OP_DIV, OP_DIVU, OP_DIVUW, OP_DIVW,
  OP_FENCE, OP_FENCE_I, OP_FLD, OP_FLOAT, OP_FLW, OP_FSD, OP_FSW, OP_J, OP_JAL, OP_JALR, OP_JR, OP_LB,
  OP_LBU, OP_LD, OP_LH, OP_LHU, OP_LOAD_NOTHING, OP_LUI, OP_LW, OP_LWU, OP_MUL, OP_MULH, OP_MULHSU,
  OP_MULHU, OP_MULW, OP_NOP, OP_OR, OP_ORI, OP_REM, OP_REMU, OP_REMUW, OP_REMW, OP_SB, OP_SD, OP_SH,
  OP_SLL, OP_SLLI, OP_SLLIW, OP_SLLW, OP_SLT, OP_SLTI, OP_SLTIU, OP_SLTU, OP_SRA, OP_SRAI, OP_SRAIW,
  OP_SRAW, OP_SRL, OP_SRLI, OP_SRLIW, OP_SRLW, OP_SUB, OP_SUBW, OP_SW, OP_SYSTEM, OP_UNDECODED, OP_XOR,
  OP_XORI,
} from "./layouts";
import { loadAddress, missedLoad, REFUSED as NO_ADDRESS, storeValue } from "./memory.as";
import { resume, suspend } from "./mmio.as";
import { get, hart, ILLEGAL, isMmio, refuse, set, trapCause, trapValue } from "./state.as";
import { DONE, REFUSED as SYSTEM_REFUSED, SLEEP, systemInstruction } from "./system.as";
import { takeInterrupt, trap } from "./trap.as";

// What follows an instruction.
const NEXT: i32 = 0;
/** To `target`. */
const JUMP: i32 = 1;
/** A trap, or an access to a device. */
const REFUSED: i32 = 2;
/** To `target`, but fetch the page anew. */
const REFETCH: i32 = 3;
/** The same, but the interrupts may have changed: `pc` is in the state. */
const RESTART: i32 = 4;
const ASLEEP: i32 = 5;

const PAGE: i64 = ~0xfff;

// Registers by their offset; `register` may carry the length of the instruction in its low bits.

// @ts-ignore: decorator
@inline
function R(state: usize, register: u32): i64 {
  return load<i64>(state + register, HART_X);
}

// @ts-ignore: decorator
@inline
function W(state: usize, register: u32, value: i64): void {
  store<i64>(state + (register & 0xf8), value, HART_X);
}

/** Runs at most `budget` instructions. Returns one of EXIT. */
export function run(budget: i32): i32 {
  const state = hart;
  setFlags(load<u32>(state + HART_FLOAT_FLAGS));
  resume();
  takeInterrupt();
  const exit = execute(state, budget);
  store<u32>(state + HART_FLOAT_FLAGS, flags());
  return exit;
}

function execute(state: usize, budget: i32): i32 {
  let left = budget;
  // What `left` was when instructions were last counted.
  let counted = budget;
  let pc = <i64>get(HART_PC);
  while (true) {
    const entries = enterCode(pc);
    if (!entries) {
      if (left-- <= 0) break;
      counted--;
      set(HART_PC, pc);
      trap(trapCause, trapValue);
      pc = get(HART_PC);
      continue;
    }
    // In a page that PMP cuts, the loop below is left after each instruction.
    const end: usize = isCut ? 0 : entries + 2048 * 8;
    const nearness: i64 = isCut ? -1 : PAGE;
    let at = entries + ((<usize>pc & 0xfff) << 2);
    let target: i64 = 0, outcome = NEXT, decoded: u64 = 0;
    while (true) {
      if (left-- <= 0) {
        set(HART_PC, pc);
        count(counted);
        return EXIT_BUDGET;
      }
      decoded = load<u64>(at);
      if (<u8>decoded == OP_UNDECODED) {
        decoded = decodeAt(pc, entries, at);
        if (!decoded) {
          outcome = REFUSED;
          break;
        }
      }
      const rd = <u32>(decoded >> 8) & 0xff, rs1 = <u32>(decoded >> 16) & 0xff;
      const rs2 = <u32>(decoded >> 24) & 0xff, imm = <i64>decoded >> 32;
      switch (<i32>decoded & 0xff) {
        case OP_NOP: break;
        case OP_LUI: W(state, rd, imm); break;
        case OP_AUIPC: W(state, rd, pc + imm); break;
        case OP_ADDI: W(state, rd, R(state, rs1) + imm); break;
        case OP_SLLI: W(state, rd, R(state, rs1) << imm); break;
        case OP_SLTI: W(state, rd, <i64>(R(state, rs1) < imm)); break;
        case OP_SLTIU: W(state, rd, <i64>(<u64>R(state, rs1) < <u64>imm)); break;
        case OP_XORI: W(state, rd, R(state, rs1) ^ imm); break;
        case OP_SRLI: W(state, rd, <i64>(<u64>R(state, rs1) >> imm)); break;
        case OP_ORI: W(state, rd, R(state, rs1) | imm); break;
        case OP_ANDI: W(state, rd, R(state, rs1) & imm); break;
        case OP_SRAI: W(state, rd, R(state, rs1) >> imm); break;
        case OP_ADDIW: W(state, rd, <i64><i32>(R(state, rs1) + imm)); break;
        case OP_SLLIW: W(state, rd, <i64>(<i32>R(state, rs1) << <i32>imm)); break;
        case OP_SRLIW: W(state, rd, <i64><i32>(<u32>R(state, rs1) >> <u32>imm)); break;
        case OP_SRAIW: W(state, rd, <i64>(<i32>R(state, rs1) >> <i32>imm)); break;
        case OP_ADD: W(state, rd, R(state, rs1) + R(state, rs2)); break;
        case OP_SLL: W(state, rd, R(state, rs1) << R(state, rs2)); break;
        case OP_SLT: W(state, rd, <i64>(R(state, rs1) < R(state, rs2))); break;
        case OP_SLTU: W(state, rd, <i64>(<u64>R(state, rs1) < <u64>R(state, rs2))); break;
        case OP_XOR: W(state, rd, R(state, rs1) ^ R(state, rs2)); break;
        case OP_SRL: W(state, rd, <i64>(<u64>R(state, rs1) >> <u64>R(state, rs2))); break;
        case OP_OR: W(state, rd, R(state, rs1) | R(state, rs2)); break;
        case OP_AND: W(state, rd, R(state, rs1) & R(state, rs2)); break;
        case OP_SUB: W(state, rd, R(state, rs1) - R(state, rs2)); break;
        case OP_SRA: W(state, rd, R(state, rs1) >> R(state, rs2)); break;
        case OP_ADDW: W(state, rd, <i64><i32>(R(state, rs1) + R(state, rs2))); break;
        case OP_SUBW: W(state, rd, <i64><i32>(R(state, rs1) - R(state, rs2))); break;
        case OP_SLLW: W(state, rd, <i64>(<i32>R(state, rs1) << <i32>R(state, rs2))); break;
        case OP_SRLW: W(state, rd, <i64><i32>(<u32>R(state, rs1) >> <u32>R(state, rs2))); break;
        case OP_SRAW: W(state, rd, <i64>(<i32>R(state, rs1) >> <i32>R(state, rs2))); break;
        case OP_MUL: W(state, rd, R(state, rs1) * R(state, rs2)); break;
        case OP_MULH: W(state, rd, mulh(R(state, rs1), R(state, rs2))); break;
        case OP_MULHSU: W(state, rd, mulhsu(R(state, rs1), R(state, rs2))); break;
        case OP_MULHU: W(state, rd, <i64>mulhu(<u64>R(state, rs1), <u64>R(state, rs2))); break;
        case OP_DIV: W(state, rd, div<i64>(R(state, rs1), R(state, rs2))); break;
        case OP_DIVU: W(state, rd, <i64>div<u64>(<u64>R(state, rs1), <u64>R(state, rs2))); break;
        case OP_REM: W(state, rd, rem<i64>(R(state, rs1), R(state, rs2))); break;
        case OP_REMU: W(state, rd, <i64>rem<u64>(<u64>R(state, rs1), <u64>R(state, rs2))); break;
        case OP_MULW: W(state, rd, <i64><i32>(R(state, rs1) * R(state, rs2))); break;
        case OP_DIVW: W(state, rd, <i64>div<i32>(<i32>R(state, rs1), <i32>R(state, rs2))); break;
        case OP_DIVUW: W(state, rd, <i64><i32>div<u32>(<u32>R(state, rs1), <u32>R(state, rs2))); break;
        case OP_REMW: W(state, rd, <i64>rem<i32>(<i32>R(state, rs1), <i32>R(state, rs2))); break;
        case OP_REMUW: W(state, rd, <i64><i32>rem<u32>(<u32>R(state, rs1), <u32>R(state, rs2))); break;
        case OP_BITS: W(state, rd, <i64>bitManipulation(<i32>imm, <u64>R(state, rs1), <u64>R(state, rs2))); break;
        case OP_BITS_IMMEDIATE: W(state, rd, <i64>bitManipulation(<i32>imm >> 6, <u64>R(state, rs1), <u64>imm & 63)); break;
        case OP_LB: {
          const address = loadAddress<i8>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<i8>(address));
          break;
        }
        case OP_LH: {
          const address = loadAddress<i16>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<i16>(address));
          break;
        }
        case OP_LW: {
          const address = loadAddress<i32>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<i32>(address));
          break;
        }
        case OP_LD: {
          const address = loadAddress<i64>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<i64>(address));
          break;
        }
        case OP_LBU: {
          const address = loadAddress<u8>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<u8>(address));
          break;
        }
        case OP_LHU: {
          const address = loadAddress<u16>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<u16>(address));
          break;
        }
        case OP_LWU: {
          const address = loadAddress<u32>(R(state, rs1) + imm);
          if (address == NO_ADDRESS) outcome = REFUSED;
          else W(state, rd, <i64>load<u32>(address));
          break;
        }
        case OP_SB: if (!storeValue<u8>(R(state, rs1) + imm, R(state, rs2))) outcome = REFUSED; break;
        case OP_SH: if (!storeValue<u16>(R(state, rs1) + imm, R(state, rs2))) outcome = REFUSED; break;
        case OP_SW: if (!storeValue<u32>(R(state, rs1) + imm, R(state, rs2))) outcome = REFUSED; break;
        case OP_SD: if (!storeValue<u64>(R(state, rs1) + imm, R(state, rs2))) outcome = REFUSED; break;
        case OP_BEQ:
          if (R(state, rs1) == R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_BNE:
          if (R(state, rs1) != R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_BLT:
          if (R(state, rs1) < R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_BGE:
          if (R(state, rs1) >= R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_BLTU:
          if (<u64>R(state, rs1) < <u64>R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_BGEU:
          if (<u64>R(state, rs1) >= <u64>R(state, rs2)) {
            target = pc + imm;
            outcome = JUMP;
          }
          break;
        case OP_JAL:
          W(state, rd, pc + (rd & 7));
          target = pc + imm;
          outcome = JUMP;
          break;
        case OP_J:
          target = pc + imm;
          outcome = JUMP;
          break;
        case OP_JALR:
          target = (R(state, rs1) + imm) & ~1;
          W(state, rd, pc + (rd & 7));
          outcome = JUMP;
          break;
        case OP_JR:
          target = (R(state, rs1) + imm) & ~1;
          outcome = JUMP;
          break;
        case OP_LOAD_NOTHING:
          if (missedLoad(R(state, rs1) + imm, 1 << (rd >> 3)) == NO_ADDRESS) outcome = REFUSED;
          break;
        case OP_FLW:
        case OP_FLD:
          if (!floatLoad(<u8>decoded == OP_FLD, rd & 0xf8, R(state, rs1) + imm)) outcome = REFUSED;
          break;
        case OP_FSW:
        case OP_FSD:
          if (!floatStore(<u8>decoded == OP_FSD, rs2, R(state, rs1) + imm)) outcome = REFUSED;
          break;
        case OP_AMO:
          if (!atomicInstruction(<u32>imm)) outcome = REFUSED;
          break;
        case OP_FLOAT:
          if (!floatInstruction(<u32>imm)) outcome = REFUSED;
          break;
        case OP_FENCE:
          fence();
          break;
        case OP_FENCE_I:
          fenceInstructions();
          target = pc + 4;
          outcome = REFETCH;
          break;
        case OP_SYSTEM: {
          // Counters must show what was done before this instruction.
          count(counted - left - 1);
          counted = left + 1;
          set(HART_PC, pc);
          const result = systemInstruction(<u32>imm, rd & 7);
          outcome = result == DONE ? RESTART : result == SLEEP ? ASLEEP : REFUSED;
          break;
        }
        default:
          refuse(ILLEGAL, <u32>imm);
          outcome = REFUSED;
      }
      if (outcome == NEXT) {
        pc += rd & 7;
        at += <usize>(rd & 7) << 2;
        if (at < end) continue;
        break;
      }
      if (outcome != JUMP) break;
      const isNear = !((target ^ pc) & nearness);
      pc = target;
      outcome = NEXT;
      if (!isNear) break;
      at = entries + ((<usize>pc & 0xfff) << 2);
    }
    if (outcome == NEXT) continue;
    if (outcome == REFETCH) {
      pc = target;
      continue;
    }
    if (outcome == REFUSED) {
      if (isMmio) {
        count(counted - left);
        suspend(pc, (decoded >> 8) & 7, <i32>decoded & 0xff, <u32>(decoded >> 8) & 0xf8);
        return load<u32>(state + HART_MMIO_KIND) == MMIO_LOAD ? EXIT_MMIO_LOAD : EXIT_MMIO_STORE;
      }
      // An instruction that traps does not retire.
      counted--;
      set(HART_PC, pc);
      trap(trapCause, trapValue);
    } else if (outcome == ASLEEP) {
      count(counted - left);
      return EXIT_WFI;
    } else {
      count(counted - left);
      counted = left;
      takeInterrupt();
    }
    pc = get(HART_PC);
  }
  set(HART_PC, pc);
  count(counted);
  return EXIT_BUDGET;
}
