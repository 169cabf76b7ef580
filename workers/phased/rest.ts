// When a Worker lets others go on while it computes.

import type { EdgeOptions } from "../../src/shared/model/edge/edge-model.ts";

/** Steps of decoding between two rests: a tenth of a second of a base model. */
const STEPS = 8;

/**
 * A turn for others after each block of vision, so that what was read meanwhile
 * is taken, and now and then between steps of decoding. Deadlines and clients
 * that leave are heard then.
 */
export function restNowAndThen(): NonNullable<EdgeOptions["rest"]> {
  let steps = 0;
  return async (after) => {
    if (after === "step") {
      steps += 1;
      if (steps % STEPS !== 0) return;
    }
    await scheduler.wait(0);
  };
}
