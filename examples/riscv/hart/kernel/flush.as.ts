// Forgetting translations.

import { flushFetchTlbs } from "./fetch.as";
import { flushDataTlbs } from "./memory.as";

/**
 * Forgets all translations of this hart: `sfence.vma` in any form. Entries are of 4 KiB even where a
 * leaf maps more, so an address does not name the entries to drop.
 */
export function flushTranslations(): void {
  flushDataTlbs();
  flushFetchTlbs();
}
