// Sees a picture at the largest size for which there is time.

import type { EngineRequest, NearEngine } from "./engine.ts";

/** Weight of the newest measurement in the moving mean. */
const NEWEST = 0.2;
/** A clock that stands still while the engine computes measures nothing. */
const LEAST_SHARE = 0.25;
/** Of the time that is left, what vision may take: answers take their time, too. */
const SHARE_OF_VISION = 0.6;

/** Sides in pixels that a request may name. */
const SIZES = [768, 512, 384] as const;

type Size = (typeof SIZES)[number];

/**
 * An engine that chooses `input_size: "auto"` by the deadline: the largest of
 * some sizes whose vision pass takes at most a share of what is left, the
 * smallest if none does. The answer says which it was.
 *
 * @param visionMs how long a pass takes at each size before any was measured.
 * @param now the host's clock.
 */
export function withInputSizes(
  engine: NearEngine,
  visionMs: Readonly<Record<Size, number>>,
  now: () => number,
): NearEngine {
  /** How long passes take, over how long they were said to take. */
  let pace = 1;

  const sizeFor = ({ deadlineAtMs }: EngineRequest): Size => {
    const leftMs = (deadlineAtMs ?? Number.POSITIVE_INFINITY) - now();
    const fits = SIZES.find(
      (size) => visionMs[size] * pace <= leftMs * SHARE_OF_VISION,
    );
    return fits ?? 384;
  };
  return {
    ...engine,
    async analyze(request, events) {
      const { options, seen } = request;
      const isOpen = options.input_size === "auto" && seen === null;
      const size = isOpen ? sizeFor(request) : options.input_size;
      const answer = await engine.analyze(
        { ...request, options: { ...options, input_size: size } },
        events,
      );
      const { model, timings_ms: timings, usage } = answer.envelope;
      const seenAt = SIZES.find((one) => one === model.input_size);
      if (usage.vision_passes > 0 && seenAt !== undefined) {
        const each = timings.vision / usage.vision_passes;
        const measured = each / visionMs[seenAt];
        pace = Math.max(LEAST_SHARE, pace + NEWEST * (measured - pace));
      }
      return answer;
    },
  };
}
