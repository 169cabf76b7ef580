// The checksum of what is read again.

import { equal, notEqual } from "node:assert/strict";
import type { Family } from "../family.ts";
import { checksum } from "../twins/checksum.ts";

export const CHECKSUM: Family = {
  name: "checksum",
  check(arena, random) {
    const words = 4 * random.whole(0, 200);
    const most = random.pick([0, 1, 2 ** 31 - 1]);
    const data = Int32Array.from({ length: words }, () =>
      random.whole(-most, most),
    );
    const bytes = new Uint8Array(data.buffer);
    const at = arena.put(data);
    const { run } = arena.kernels;
    const sum = run.checksum(at, bytes.length);
    equal(sum, checksum(bytes), `checksum of ${bytes.length} bytes`);
    if (words > 0) {
      const place = random.whole(0, bytes.length - 1);
      bytes[place]! ^= 1 << random.whole(0, 7);
      const other = run.checksum(arena.put(bytes), bytes.length);
      notEqual(other, sum, "one bit differs");
    }
    return Float32Array.of(sum);
  },
};
