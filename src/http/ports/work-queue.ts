// Work to be done later. A message is only a hint: what is due stands in the
// database, so that a message may come twice, late, in any order or never.

/** What is to be looked at. */
export type WorkMessage =
  | {
      readonly kind: "job_item";
      readonly jobId: string;
      /** Number of the image within the job, from 0. */
      readonly index: number;
    }
  | { readonly kind: "delivery"; readonly id: string };

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
