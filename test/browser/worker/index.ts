// A worker for tests only: runs the contract and the goldens on the backend that
// pages get.

import { answerWith } from "./answer-with.ts";
import { openBackend } from "../../../src/browser/open-backend.ts";
import type { OpenedBackend } from "../../../src/browser/answer-messages.ts";
import type { Backend, Opening } from "../../../src/browser/messages.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { MODEL_CONTRACT } from "../../contract/model-contract.ts";
import {
  measureExactness,
  type Exactness,
  type ModelGolden,
} from "../../golden/measure-exactness.ts";

let opened: OpenedBackend | null = null;

function backend(): OpenedBackend {
  if (opened === null) throw new Error("internal: nothing is open");
  return opened;
}

/** What a test may ask. */
export const ACTS = {
  async open(opening: Opening): Promise<Backend> {
    opened = await openBackend(opening);
    return opened.backend;
  },
  async contract(at: number): Promise<void> {
    await MODEL_CONTRACT[at]!.run(backend().loaded);
  },
  /** @param photos where the golden's photos are served. */
  async exactness(golden: ModelGolden, photos: string): Promise<Exactness> {
    const { loaded, codecs } = backend();
    const images = new Map<string, RgbImage>();
    for (const { photo } of golden.prompts) {
      if (images.has(photo)) continue;
      const response = await fetch(`${photos}/${photo}.png`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      images.set(photo, (await decodeImage(bytes, codecs)).image);
    }
    return await measureExactness(loaded, golden, images);
  },
};

answerWith(ACTS);
