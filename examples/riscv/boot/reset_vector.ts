/**
 * The code that a hart executes at reset, and the information that it gives to the firmware.
 *
 * @module
 */

/** Where the harts start. */
export interface ResetVectorOptions {
  readonly firmware: number;
  readonly deviceTree: number;
  /** Where the firmware goes next, in S mode; 0 if there is no kernel. */
  readonly next: number;
}

const MAGIC = 0x4942534f; // "OSBI"
const VERSION = 2;
const SUPERVISOR = 1;

/** The ROM: code that jumps to the firmware, then `struct fw_dynamic_info` of OpenSBI. */
export function resetVector(
  { firmware, deviceTree, next }: ResetVectorOptions,
): Uint8Array<ArrayBuffer> {
  const code = [
    0x00000297, // auipc t0, 0
    0x02828613, // addi a2, t0, 40: the info
    0xf1402573, // csrr a0, mhartid
    0x0202b583, // ld a1, 32(t0): the device tree
    0x0182b283, // ld t0, 24(t0): the firmware
    0x00028067, // jr t0
  ];
  const words = [firmware, deviceTree, MAGIC, VERSION, next, SUPERVISOR, 0, 0];
  const bytes = new DataView(new ArrayBuffer(code.length * 4 + words.length * 8));
  code.forEach((instruction, index) => bytes.setUint32(4 * index, instruction, true));
  words.forEach((word, index) =>
    bytes.setBigUint64(code.length * 4 + 8 * index, BigInt(word), true)
  );
  return new Uint8Array(bytes.buffer);
}
