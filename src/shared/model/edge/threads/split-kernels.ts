// The kernels over many threads: the same functions, and the same results to the
// bit. What depends on the whole of a tensor (means of maps, the order of logits)
// stays on one thread.

import type { KernelExports } from "../kernels.ts";
import { createSplit } from "./split.ts";
import { splitAttention } from "./split-attention.ts";
import { splitFeedForward } from "./split-feed-forward.ts";
import { splitHead } from "./split-head.ts";
import { splitImages } from "./split-images.ts";
import { splitProducts } from "./split-products.ts";
import { splitRows } from "./split-rows.ts";
import type { Team } from "./team.ts";

/**
 * Kernels whose work a team shares; their scratch has a room for each thread.
 *
 * @param run the leader's kernels.
 * @param leastWork as `createSplit` takes it.
 */
export function splitKernels(
  run: KernelExports,
  team: Team,
  leastWork?: number,
): KernelExports {
  const split = createSplit(run, team, leastWork);
  return {
    ...run,
    ...splitRows(split),
    ...splitImages(split),
    ...splitAttention(split),
    ...splitProducts(split),
    ...splitFeedForward(split),
    ...splitHead(split),
  };
}
