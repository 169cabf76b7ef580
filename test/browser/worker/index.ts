// A worker for tests only: runs the contract and the goldens on the backend that
// pages get.

import { answerWith } from "./answer-with.ts";
import { SCRIPTS } from "../../../src/browser/built-files.ts";
import type * as OnnxSessions from "../../../src/browser/onnx-sessions.ts";
import type { Provider } from "../../../src/browser/onnx-sessions.ts";
import { openBackend } from "../../../src/browser/open-backend.ts";
import type { OpenedBackend } from "../../../src/browser/answer-messages.ts";
import type { Backend, Opening } from "../../../src/browser/messages.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { MODEL_CONTRACT } from "../../contract/model-contract.ts";
import { SESSION_CONTRACT } from "../../contract/session-contract.ts";
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
  /** The contract of sessions, on one of ONNX Runtime's providers. */
  async session(at: number, provider: Provider, assets: string): Promise<void> {
    const script = new URL(SCRIPTS.onnx, assets).href;
    const { createOnnxSessions } = (await import(
      script
    )) as typeof OnnxSessions;
    await SESSION_CONTRACT[at]!.run(createOnnxSessions(provider, assets));
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
