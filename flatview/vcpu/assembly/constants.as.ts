// Generated from layouts.ts by `deno task kernel`; do not edit.

export const VIRTUAL_TLB_BYTES = 32768;
export const VIRTUAL_TLB_ENTRIES = 1024;
export const VIRTUAL_TLB_ENTRY_READ: usize = 0;
export const VIRTUAL_TLB_ENTRY_WRITE: usize = 8;
export const VIRTUAL_TLB_ENTRY_ADDEND: usize = 16;
export const VIRTUAL_TLB_ENTRY_FREE: usize = 20;
export const VIRTUAL_TLB_ENTRY_SIZE: usize = 32;
