// Assertions that run wherever the contract runs: Node, workerd, a browser.

/** Throws with `message` unless `claim` holds. */
export function check(claim: boolean, message: string): asserts claim {
  if (!claim) throw new Error(message);
}

/** Throws unless both are equal as JSON. */
export function checkEqual(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === b, `expected ${b}, got ${a}`);
}

/** Throws unless all values are within `tolerance` of the expected ones. */
export function checkClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  checkEqual(actual.length, expected.length);
  for (let index = 0; index < actual.length; index += 1) {
    const difference = Math.abs(actual[index]! - expected[index]!);
    check(
      difference <= tolerance,
      `value ${index} is ${actual[index]!}, expected ${expected[index]!} within ${tolerance}`,
    );
  }
}

/** Throws unless the promise is refused with an error of this code. */
export async function checkRefused(
  promise: Promise<unknown>,
  code: string,
): Promise<void> {
  const outcome = await promise.then(
    () => "no error",
    (error: unknown) =>
      typeof error === "object" && error !== null && "code" in error
        ? error.code
        : error,
  );
  checkEqual(outcome, code);
}
