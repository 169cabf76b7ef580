// Vision passes of different callers, made together: a GPU sees eight images in
// little more time than one.

import type { RgbImage } from "../shared/image/rgb-image.ts";
import { isFlorenceError, throwIfAborted } from "../shared/errors.ts";
import type { EncodeOptions, Features, Model } from "../shared/model/model.ts";

export interface BatchOptions {
  /** Images of one pass. */
  readonly maxImages: number;
  /** How long an image waits for others while no pass is at work. */
  readonly maxWaitMs: number;
}

interface Waiting {
  readonly image: RgbImage;
  readonly options: EncodeOptions;
  readonly resolve: (features: readonly Features[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A model whose `encode` calls of one image each are answered together, by
 * input size. While one pass is at work the next gathers, so that the wait is
 * bounded by `maxWaitMs` or by that pass. Calls of several images (tiles) are a
 * batch already and go through as they are. After a pass that fails each of its
 * images is seen by itself.
 *
 * With float weights an image's features differ from those it has alone by
 * rounding only. With int8 they do not: activations share one scale across the
 * batch (COMPATIBILITY.md), so that an answer would depend on who else asks.
 */
export function batchVision(model: Model, options: BatchOptions): Model {
  const { maxImages, maxWaitMs } = options;
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | null = null;
  let isWorking = false;

  const see = async (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    waiting = waiting.filter(isWanted);
    const [first] = waiting;
    if (first === undefined || isWorking) return;
    const { inputSize } = first.options;
    const batch = waiting
      .filter((one) => one.options.inputSize === inputSize)
      .slice(0, maxImages);
    waiting = waiting.filter((one) => !batch.includes(one));
    isWorking = true;
    try {
      // No caller's abort may end a pass that others wait for.
      const features = await model.encode(
        batch.map(({ image }) => image),
        {
          inputSize,
          prompts: batch.map(({ options: { prompts } }) => prompts?.[0] ?? []),
        },
      );
      for (const [index, one] of batch.entries()) {
        one.resolve([features[index]!]);
      }
    } catch (error) {
      await seeApart(model, batch, error);
    } finally {
      isWorking = false;
      void see();
    }
  };

  return {
    ...model,
    // Tiles of one image are seen together, too.
    capabilities: { ...model.capabilities, maxImages },
    async encode(images, encodeOptions = {}) {
      const [image] = images;
      if (images.length !== 1 || image === undefined) {
        return await model.encode(images, encodeOptions);
      }
      const features = await new Promise<readonly Features[]>(
        (resolve, reject) => {
          waiting.push({ image, options: encodeOptions, resolve, reject });
          if (isWorking) return;
          if (waiting.length >= maxImages) void see();
          else timer ??= setTimeout(() => void see(), maxWaitMs);
        },
      );
      throwIfAborted(encodeOptions.signal);
      return features;
    },
  };
}

/**
 * After a pass that failed: each image by itself, so that one that cannot be
 * seen fails nobody else. A dead runtime is not asked again.
 */
async function seeApart(
  model: Model,
  batch: readonly Waiting[],
  error: unknown,
): Promise<void> {
  const isDead = isFlorenceError(error) && error.code === "engine_unavailable";
  const isLone = batch.length === 1;
  for (const one of batch) {
    if (isDead || isLone) one.reject(error);
    else if (isWanted(one)) await seeOne(model, one);
  }
}

async function seeOne(
  model: Model,
  { image, options, resolve, reject }: Waiting,
): Promise<void> {
  try {
    resolve(await model.encode([image], options));
  } catch (error) {
    reject(error);
  }
}

/** Whether somebody still waits; if not, that is said. */
function isWanted({ options, reject }: Waiting): boolean {
  try {
    throwIfAborted(options.signal);
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
}
