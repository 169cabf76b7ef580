// Clock, ids and hashes on Node.

import { createHash, randomUUID } from "node:crypto";
import type { Platform } from "../shared/analyze/analyze.ts";
import { NODE_RASTERIZER } from "./rasterize.ts";

/** What the core needs of Node. */
export const NODE_PLATFORM: Platform = {
  now: () => Date.now(),
  id: (prefix) => `${prefix}_${randomUUID().replaceAll("-", "")}`,
  sha256: (bytes) =>
    Promise.resolve(createHash("sha256").update(bytes).digest("hex")),
  rasterizer: NODE_RASTERIZER,
};
