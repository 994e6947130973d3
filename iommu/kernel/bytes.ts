// Generated from kernel.as.ts by `deno task kernel`; do not edit.
// deno-fmt-ignore-file

/** The kernel's WebAssembly module, in base64. */
export const KERNEL_BASE64: string = [
  "AGFzbQEAAAABDwNgAn98AX9gAAF8YAABfwISAQNlbnYGbWVtb3J5AgMBgIAEAwQDAAECBgYBfgFCAAsHLAQEd2FsawAACnRh",
  "cmdldFBhZ2UAAQtwZXJtaXNzaW9ucwACBm1lbW9yeQIACnwDaAIBfwJ+IAH8ByIEIAAoAgQiAq1CCX6IQgBSBEBBfw8LIAAo",
  "AgAhAAN/IAAgBCACQQFrIgKtQgl+iEL/A4OnQQN0av4RAxAiA0IEg1AEfyADJABBfyACIANQGwUgA0IgiKchAAwBCwsLCAAj",
  "AEIMiLoLCAAjAKdBA3EL",
].join("");
