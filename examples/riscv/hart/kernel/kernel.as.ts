// A RISC-V hart: RV64GC with Zba, Zbb, Zbs and Sstc, privileges M, S and U.
//
// An instance of the module runs one hart; the instances share the memory that holds the guest's RAM
// and each hart's area. There is no call into JavaScript for an access: `resolve` is asked once for a
// page, and a device is reached by leaving `run`.

import { fenceInstructions, setFetch } from "./fetch.as";
import { flushTranslations } from "./flush.as";
import { AREA_DATA_TLBS, AREA_DECODED, AREA_FETCH_TLBS, AREA_HART, AREA_RESOLVED } from "./layouts";
import { setDataTlbs } from "./memory.as";
import { flushResolved, setResolved } from "./resolve.as";
import { setHart } from "./state.as";
import { enter } from "./trap.as";
import { currentPrivilege } from "./mmu.as";

export { run } from "./run.as";

/** Takes the hart whose area begins at `area` and has room for `decodedPages`, a power of two. */
export function attach(area: usize, decodedPages: u32): void {
  setHart(area + AREA_HART);
  setDataTlbs(area + AREA_DATA_TLBS);
  setFetch(area + AREA_FETCH_TLBS, area + AREA_DECODED, decodedPages);
  setResolved(area + AREA_RESOLVED);
  flush();
}

/** Forgets all that came from `resolve`, code as well: the guest's memory map has changed. */
export function flush(): void {
  fenceInstructions();
  flushResolved();
  flushTranslations();
  enter(currentPrivilege());
}
