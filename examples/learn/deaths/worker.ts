/// <reference lib="deno.worker" />
import { Arena, Mutex, RcuDomain } from "@guestmem/rcu";

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "worker" });
  const reader = RcuDomain.attach(arena, data.domain).register({ label: "reader" });
  const mutex = Mutex.attach(arena, data.mutex);
  // From its next turn on, the worker's lock says whether it lives.
  setTimeout(() => {
    mutex.lock();
    reader.lock();
    self.close(); // with the mutex, and in a section
  }, 100);
};
