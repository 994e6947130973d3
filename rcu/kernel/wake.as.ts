// Waking those who sleep on a word that counts events.

import { DOMAIN_EVENT } from "./layouts";

/** Wakes every sleeper on the word, to look again. */
export function wakeAll(event: usize): void {
  // The count first: whoever has read it before, and is not asleep yet, does not fall asleep.
  atomic.add<u32>(event, 1);
  atomic.notify(event, -1);
}

/** Wakes every updater that sleeps in a domain. */
export function wakeUpdaters(domain: usize): void {
  wakeAll(domain + DOMAIN_EVENT);
}
