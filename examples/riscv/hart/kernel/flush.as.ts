// Forgetting translations.

import { beginEpoch } from "@guestmem/flatview/vcpu/assembly/virtual_tlb.as";
import { clearFetchTlbs } from "./fetch.as";
import { clearDataTlbs } from "./memory.as";

/**
 * Forgets all translations of this hart: `sfence.vma` in any form. Entries are of 4 KiB even where a
 * leaf maps more, so an address does not name the entries to drop.
 */
export function flushTranslations(): void {
  if (!beginEpoch()) return;
  clearDataTlbs();
  clearFetchTlbs();
}
