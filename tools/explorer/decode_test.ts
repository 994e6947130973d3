import { assert, assertEquals, assertThrows } from "@std/assert";
import { KERNEL_BASE64 as IOMMU } from "../../iommu/kernel/bytes.ts";
import { KERNEL_BASE64 as PHYSMAP } from "../../physmap/kernel/bytes.ts";
import { KERNEL_BASE64 as RAMBLOCK } from "../../ramblock/kernel/bytes.ts";
import { KERNEL_BASE64 as RCU } from "../../rcu/kernel/bytes.ts";
import { controlFlow } from "./control_flow.ts";
import { decode, decodeKernel } from "./decode.ts";
import { assemble, encodeInstruction } from "./encode.ts";
import { TEST_KERNEL_BYTES, testKernel } from "./test_kernel.ts";

const KERNELS = { rcu: RCU, physmap: PHYSMAP, ramblock: RAMBLOCK, iommu: IOMMU };

for (const [name, base64] of Object.entries(KERNELS)) {
  Deno.test(`the kernel of ${name} is decoded as the engine sees it`, () => {
    const module = decodeKernel(base64);
    const bytes = new Uint8Array(module.bytes);
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes))
      .filter(({ kind }) => kind === "function").map(({ name }) => name);
    assertEquals([...module.exports.keys()].sort(), exported.sort());
    for (const code of module.functions) {
      assertEquals(code.body.at(-1)!.end, code.entry.end, code.name);
      const { stack, target } = controlFlow(code, module);
      assertEquals(stack[0], 0);
      code.body.forEach(({ opcode }, at) => {
        if (/^br|^if|^else|^return/.test(opcode.name)) assert(target[at]! >= 0, code.name);
      });
    }
  });

  Deno.test(`each instruction of the kernel of ${name} is encoded as it was decoded`, () => {
    const module = decodeKernel(base64);
    for (const { body } of module.functions) {
      for (const { opcode, operand, start, end } of body) {
        const bytes = [...module.bytes.subarray(start, end)];
        assertEquals(encodeInstruction(opcode, operand), bytes, `${opcode.name} at ${start}`);
      }
    }
  });
}

Deno.test("an assembled module is valid and decoded", () => {
  assert(WebAssembly.validate(new Uint8Array(TEST_KERNEL_BYTES)));
  const add = testKernel.exports.get("add")!;
  assertEquals(add.body.map(({ opcode }) => opcode.name), [
    "local.get",
    "local.get",
    "i32.atomic.rmw.add",
    "end",
  ]);
  assertEquals(add.signature, { params: "ii", results: "i" });
});

Deno.test("what lies outside the subset is an error that says where", () => {
  assertThrows(() => decode(new Uint8Array(8)), RangeError, "Not WebAssembly");
  const bytes = assemble({ f: { body: "nop" } });
  bytes[bytes.length - 2] = 0xd1; // ref.is_null
  const at = bytes.length - 2;
  assertThrows(() => decode(bytes), RangeError, `Cannot decode opcode 0xd1 at byte ${at}`);
  assertThrows(() => decode(bytes.subarray(0, 20)), RangeError);
});
