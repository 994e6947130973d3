/** The device's side of a split virtqueue, against a driver that keeps the rules and one that does not. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { QueueError, readSegments, SplitQueue, writeSegments } from "./split_queue.ts";
import { type Descriptor, TestDriver, TestMemory } from "./test_driver.ts";

const SIZE = 8;
const DATA = 0x8000;

function queue(hasEventIndex = false, size = SIZE) {
  const memory = new TestMemory();
  const driver = new TestDriver(memory, size, 0x1000);
  return { memory, driver, queue: new SplitQueue(memory, driver.layout, hasEventIndex) };
}

Deno.test("chains are taken in the order in which they are offered, past the end of the ring", () => {
  const { driver, queue: device } = queue();
  for (let round = 0; round < 3 * SIZE; round++) {
    const head = round * 3 % SIZE;
    driver.chain(head, [{ address: DATA + round, length: 4 }]);
    driver.offer(head);
    const chain = device.take()!;
    assertEquals(chain, {
      head,
      readable: [{ address: BigInt(DATA + round), length: 4 }],
      writable: [],
    });
    assertEquals(device.take(), null);
    device.giveBack(chain, round);
    assertEquals(driver.collect(), [[head, round]]);
  }
});

Deno.test("indices wrap at 16 bits", () => {
  const { driver, queue: device } = queue(true);
  driver.chain(0, [{ address: DATA, length: 1, isWritable: true }]);
  for (let round = 0; round < 70_000; round++) {
    driver.wantInterruptAfter(round & 0xffff);
    driver.offer(0);
    device.giveBack(device.take()!, 1);
    if (!device.wantsInterrupt() || driver.collect().length !== 1) {
      throw new Error(`round ${round}`);
    }
  }
});

Deno.test("a chain in an indirect table", () => {
  const { driver, queue: device } = queue();
  const table = 0x4000;
  driver.chain(0, [
    { address: DATA, length: 16 },
    { address: DATA + 100, length: 5 },
    { address: DATA + 200, length: 7, isWritable: true },
  ], table);
  driver.describe(3, { address: table, length: 48, flags: 4 });
  driver.offer(3);
  const chain = device.take()!;
  assertEquals(chain.head, 3);
  assertEquals(chain.readable.map(({ length }) => length), [16, 5]);
  assertEquals(chain.writable.map(({ length }) => length), [7]);
});

const BROKEN: Record<string, (driver: TestDriver) => void> = {
  "a head outside of the table": (driver) => driver.offer(SIZE),
  "a next one outside of the table": (driver) => {
    driver.describe(0, { address: DATA, length: 1, flags: 1, next: SIZE });
    driver.offer(0);
  },
  "a loop of two": (driver) => {
    driver.describe(0, { address: DATA, length: 1, flags: 1, next: 1 });
    driver.describe(1, { address: DATA, length: 1, flags: 1, next: 0 });
    driver.offer(0);
  },
  "a loop of one": (driver) => {
    driver.describe(2, { address: DATA, length: 1, flags: 1, next: 2 });
    driver.offer(2);
  },
  "an empty buffer": (driver) => {
    driver.chain(0, [{ address: DATA, length: 0 }]);
    driver.offer(0);
  },
  "a buffer to read behind one to write": (driver) => {
    driver.chain(0, [{ address: DATA, length: 1, isWritable: true }, { address: DATA, length: 1 }]);
    driver.offer(0);
  },
  "an indirect table of no whole entries": (driver) => {
    driver.describe(0, { address: 0x4000, length: 17, flags: 4 });
    driver.offer(0);
  },
  "an empty indirect table": (driver) => {
    driver.describe(0, { address: 0x4000, length: 0, flags: 4 });
    driver.offer(0);
  },
  "an indirect table where no memory is": (driver) => {
    driver.describe(0, { address: 1 << 30, length: 16, flags: 4 });
    driver.offer(0);
  },
  "more chains than the queue has": (driver) => {
    for (let chain = 0; chain <= SIZE; chain++) driver.offer(0);
  },
};

for (const [name, breakRule] of Object.entries(BROKEN)) {
  Deno.test(`refused: ${name}`, () => {
    const { driver, queue: device } = queue();
    breakRule(driver);
    assertThrows(() => device.take(), QueueError);
  });
}

Deno.test("without the event index, the driver's flag says whether it wants interrupts", () => {
  const { driver, queue: device } = queue();
  driver.chain(0, [{ address: DATA, length: 1 }]);
  const give = () => {
    driver.offer(0);
    device.giveBack(device.take()!, 0);
  };
  assertEquals(device.wantsInterrupt(), false, "nothing was given back");
  give();
  assertEquals(device.wantsInterrupt(), true);
  driver.wantInterrupts(false);
  give();
  assertEquals(device.wantsInterrupt(), false);
});

Deno.test("with the event index, one interrupt comes when the chain asked for is given back", () => {
  const { driver, queue: device } = queue(true);
  driver.chain(0, [{ address: DATA, length: 1 }]);
  driver.wantInterruptAfter(2);
  const wants: boolean[] = [];
  for (let chain = 0; chain < 5; chain++) {
    driver.offer(0);
    device.giveBack(device.take()!, 0);
    wants.push(device.wantsInterrupt());
  }
  assertEquals(wants, [false, false, true, false, false]);
});

Deno.test("the device asks to be notified of the next chain when it has seen them all", () => {
  const { driver, queue: device } = queue(true);
  driver.chain(0, [{ address: DATA, length: 1 }]);
  for (let chain = 0; chain < 3; chain++) driver.offer(0);
  while (device.take());
  assertEquals(driver.notifyAfter, 3);
});

Deno.test("a chain that comes while the device asks for a notification is not missed", () => {
  const { memory, driver } = queue(true);
  driver.chain(0, [{ address: DATA, length: 1 }]);
  const eventAt = driver.layout.used + 4n + BigInt(SIZE * 8);
  let isOffered = false;
  const device = new SplitQueue(
    {
      read: (address, into) => memory.read(address, into),
      write(address, from) {
        // The driver looked at the event index just before it is written.
        if (address === eventAt && !isOffered) driver.offer(0);
        if (address === eventAt) isOffered = true;
        return memory.write(address, from);
      },
    },
    driver.layout,
    true,
  );
  assertEquals(device.take()?.head, 0);
});

Deno.test("buffers are read and written as if they were one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      fc.nat(),
      (lengths, a, b) => {
        const memory = new TestMemory();
        memory.bytes.forEach((_, index) => memory.bytes[index] = index * 7);
        let at = 0;
        const segments = lengths.map((length) => {
          at += 64;
          return { address: BigInt(DATA + at), length };
        });
        const all = segments.flatMap(({ address, length }) => [
          ...memory.bytes.subarray(Number(address), Number(address) + length),
        ]);
        const from = a % all.length, length = b % (all.length - from + 1);
        const into = new Uint8Array(length);
        readSegments(memory, segments, from, into);
        assertEquals([...into], all.slice(from, from + length));
        writeSegments(memory, segments, from, new Uint8Array(length).fill(1));
        const after = new Uint8Array(all.length);
        readSegments(memory, segments, 0, after);
        assertEquals([...after], all.map((old, i) => i >= from && i < from + length ? 1 : old));
      },
    ),
    { seed: 20261125 },
  );
});

Deno.test("whatever a driver writes, the device stops at an error of its own or gives chains back", () => {
  const descriptor = fc.record<Descriptor>({
    address: fc.constantFrom(0, DATA, 0x1000, 1 << 20, 0xffff_fff0),
    length: fc.constantFrom(0, 1, 16, 32, 4096, 0xffff_ffff),
    flags: fc.integer({ min: 0, max: 7 }),
    next: fc.integer({ min: 0, max: SIZE + 1 }),
  });
  fc.assert(
    fc.property(
      fc.array(descriptor, { minLength: SIZE, maxLength: SIZE }),
      fc.array(fc.integer({ min: 0, max: SIZE }), { minLength: 1, maxLength: SIZE }),
      (descriptors, heads) => {
        const { driver, queue: device } = queue();
        descriptors.forEach((each, index) => driver.describe(index, each));
        heads.forEach((head) => driver.offer(head));
        try {
          for (let chain = device.take(); chain; chain = device.take()) device.giveBack(chain, 0);
          assertEquals(driver.collect().map(([head]) => head), heads);
        } catch (error) {
          if (!(error instanceof QueueError)) throw error;
        }
      },
    ),
    { seed: 20261125, numRuns: 2_000 },
  );
});
