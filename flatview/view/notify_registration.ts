import { dirtyLogMask } from "../region/range_flags.ts";
import { ListenerList } from "./listener_list.ts";
import type { ListenedSpace } from "./listened_space.ts";
import type { MemoryListener } from "./memory_listener.ts";
import { notifyEventfdGone, notifyEventfdNew } from "./notify_eventfds.ts";
import { notifyLogChange, notifyRangeGone, notifyRangeNew } from "./notify_range.ts";

/**
 * Notifies a listener that was registered of all that its address space shows, as if it had just come.
 *
 * @param listened The address space.
 * @param listener The listener.
 * @param logsAll Whether all memory is logged.
 * @param errors Collects what the listener throws.
 */
export function notifyRegistered(
  { space, eventfds }: ListenedSpace,
  listener: MemoryListener,
  logsAll: boolean,
  errors: unknown[],
): void {
  const alone = { space, listeners: new ListenerList(listener) };
  alone.listeners.forward((l) => l.begin?.(), errors);
  if (logsAll) alone.listeners.forward((l) => l.logGlobalStart?.(), errors);
  for (const range of space.view.ranges()) {
    notifyRangeNew(alone, range, errors);
    notifyLogChange(alone, range, 0, dirtyLogMask(range.flags), errors);
  }
  for (const eventfd of eventfds) notifyEventfdNew(alone, eventfd, errors);
  alone.listeners.forward((l) => l.commit?.(), errors);
}

/**
 * Notifies a listener that is taken back that all that its address space shows is gone.
 *
 * @param listened The address space.
 * @param listener The listener.
 * @param errors Collects what the listener throws.
 */
export function notifyUnregistered(
  { space, eventfds }: ListenedSpace,
  listener: MemoryListener,
  errors: unknown[],
): void {
  const alone = { space, listeners: new ListenerList(listener) };
  alone.listeners.forward((l) => l.begin?.(), errors);
  for (const range of space.view.ranges()) {
    notifyLogChange(alone, range, dirtyLogMask(range.flags), 0, errors);
    notifyRangeGone(alone, range, errors);
  }
  for (const eventfd of eventfds) notifyEventfdGone(alone, eventfd, errors);
  alone.listeners.forward((l) => l.commit?.(), errors);
}
