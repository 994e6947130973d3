import type { ListenedSpace } from "./listened_space.ts";
import { notifyRangeStays } from "./notify_range.ts";

/**
 * Notifies the listeners of an address space that a commit left all its ranges as they were: a
 * listener that builds its list anew between `begin` and `commit` needs them in every commit.
 */
export function notifyUnchanged(listened: ListenedSpace, errors: unknown[]): void {
  for (const range of listened.space.view.ranges()) notifyRangeStays(listened, range, errors);
}
