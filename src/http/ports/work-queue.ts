// Work to be done later. A message is only a hint: what is due stands in the
// database, so that a message may come twice, late, in any order or never.

import * as v from "valibot";

/** Schema of a message: a queue is a wall like any other. */
export const WorkMessageSchema = v.variant("kind", [
  v.object({
    kind: v.literal("job_item"),
    jobId: v.string(),
    /** Number of the image within the job, from 0. */
    index: v.number(),
  }),
  v.object({ kind: v.literal("delivery"), id: v.string() }),
]);

/** What is to be looked at. */
export type WorkMessage = Readonly<v.InferOutput<typeof WorkMessageSchema>>;

export interface WorkQueue {
  /**
   * Hands messages over.
   *
   * @param delaySeconds how long at least before they come.
   */
  send(
    messages: readonly WorkMessage[],
    options?: { readonly delaySeconds?: number },
  ): Promise<void>;
}
