// Multiplication and division (M), where they take more than one operation of WebAssembly.

/** The high 64 bits of an unsigned product. */
export function mulhu(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff, aHigh = a >> 32;
  const bLow = b & 0xffffffff, bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const other = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (other >> 32);
}

export function mulh(a: i64, b: i64): i64 {
  return <i64>mulhu(<u64>a, <u64>b) - (a < 0 ? b : 0) - (b < 0 ? a : 0);
}

export function mulhsu(a: i64, b: i64): i64 {
  return <i64>mulhu(<u64>a, <u64>b) - (a < 0 ? b : 0);
}

// Division by zero gives all ones, and its remainder the dividend. The one quotient that overflows,
// of the smallest number by -1, wraps; WebAssembly would trap.

export function div<T>(a: T, b: T): T {
  if (b == 0) return <T>-1;
  if (isSigned<T>() && b == <T>-1) return <T>(0 - a);
  return <T>(a / b);
}

export function rem<T>(a: T, b: T): T {
  if (b == 0) return a;
  if (isSigned<T>() && b == <T>-1) return <T>0;
  return <T>(a % b);
}
