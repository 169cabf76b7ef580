// The worker of `threads.ts`: two backends of one bundle, asked in turns.

import { openBackend } from "../../../src/browser/open-backend.ts";
import type { Backend, Opening } from "../../../src/browser/messages.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import type { LoadedModel } from "../../../src/shared/model/open-model.ts";
import { answerWith } from "../../../test/browser/worker/answer-with.ts";

/** `<CAPTION>`, as Florence-2's tokenizer has it; the model in the box, too. */
const PROMPT = "What does the image describe?";
const PICTURE: RgbImage = {
  width: 640,
  height: 480,
  data: Uint8Array.from({ length: 921_600 }, (_, at) => (at * 7919) % 251),
};

/** Milliseconds of one caption, by part, and its ids. */
export interface CaptionTimes {
  readonly vision: number;
  readonly encoder: number;
  readonly decoder: number;
  readonly ids: readonly number[];
}

const opened = new Map<number, LoadedModel>();

/** What the bench asks. */
export const ACTS = {
  /** One backend for each number of threads. */
  async open(opening: Opening): Promise<Backend> {
    const { loaded, backend } = await openBackend(opening);
    opened.set(opening.threads, loaded);
    return backend;
  },
  /** @param inputSize null: the model's own. */
  async caption(
    threads: number,
    inputSize: number | null,
    tokens: number,
  ): Promise<CaptionTimes> {
    const { model, tokenizer } = opened.get(threads)!;
    const prompt = tokenizer.encode(PROMPT);
    const start = performance.now();
    const [features] = await model.encode([PICTURE], {
      prompts: [[prompt]],
      ...(inputSize !== null && { inputSize }),
    });
    const seen = performance.now();
    const state = await model.start([{ features: features!, ids: prompt }]);
    const read = performance.now();
    const ids: number[] = [];
    let tokenId = 2;
    for (let token = 0; token < tokens; token += 1) {
      const parent = token === 0 ? -1 : 0;
      const row = { prompt: 0, parent, tokenId, best: 1 };
      const [next] = await state.step([row]);
      tokenId = next!.best[0]!.id;
      ids.push(tokenId);
    }
    const end = performance.now();
    await state.dispose();
    return {
      vision: seen - start,
      encoder: read - seen,
      decoder: end - read,
      ids,
    };
  },
};

answerWith(ACTS);
