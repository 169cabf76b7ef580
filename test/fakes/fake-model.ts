// A model behind the real wall that says what a script tells it: for tests of
// everything above the model.

import { FlorenceError } from "../../src/shared/errors.ts";
import {
  MANIFEST_VERSION,
  parseManifest,
  type Manifest,
} from "../../src/shared/model/manifest.ts";
import type { Features, Model } from "../../src/shared/model/model.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import { TASKS } from "../../src/shared/tasks/index.ts";
import type { Tokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import { createScriptedState } from "./scripted-state.ts";

/**
 * What the model answers to a prompt: text with special tokens, or ids; without
 * `<s>` and `</s>`.
 *
 * @param image pixels of what it looks at.
 */
export type Script = (
  prompt: string,
  image: RgbImage,
) => string | readonly number[];

export interface FakeModelOptions {
  /** Called at the start of each vision pass; may throw or wait. */
  readonly onEncode?: (signal: AbortSignal | undefined) => Promise<void>;
  /** Prompts for which it must look closer. */
  readonly looksFor?: (prompt: string) => boolean;
}

/** Looked at where features came from elsewhere. */
const NOTHING: RgbImage = { width: 0, height: 0, data: new Uint8Array(0) };

/** Every token of the script is this much likelier than any other. */
const CERTAINTY = 12;

/**
 * A loaded model that answers by script, with `</s>` at the end of every
 * answer; each scripted token has a log-probability near zero.
 */
export function createFakeModel(
  tokenizer: Tokenizer,
  script: Script,
  options: FakeModelOptions = {},
): LoadedModel {
  const manifest = fakeManifest(tokenizer);
  const seen = new Map<Features, RgbImage>();
  const looksFor = (ids: readonly number[]): boolean =>
    options.looksFor?.(tokenizer.decode(ids.slice(1, -1))) ?? false;
  const model: Model = {
    manifest,
    capabilities: {
      backend: "fake",
      device: "none",
      inputSizes: [64],
      weightBytes: 0,
      maxRows: 64,
    },
    looksFor,
    async encode(images, { signal, prompts } = {}) {
      await options.onEncode?.(signal);
      if (signal?.aborted === true) {
        throw new FlorenceError("deadline_exceeded", "Aborted.");
      }
      return images.map((image, at): Features => {
        const sights = (prompts?.[at] ?? [])
          .filter(looksFor)
          .map((prompt) => ({ prompt }));
        const features = {
          data: new Float32Array(4),
          tokens: 1,
          width: 4,
          hintIds: [],
          inputSize: 64,
          ...(sights.length > 0 && { sights }),
        };
        seen.set(features, image);
        return features;
      });
    },
    start(prompts) {
      const answers = prompts.map(({ ids, features }) => {
        const prompt = tokenizer.decode(ids.slice(1, -1)); // less <s> and </s>
        const answer = script(prompt, seen.get(features) ?? NOTHING);
        const { bos, eos } = tokenizer.special;
        return typeof answer === "string"
          ? tokenizer.encode(answer) // <s> ... </s>
          : [bos, ...answer, eos];
      });
      const state = createScriptedState((prompt, ids) => {
        const logits = new Float32Array(tokenizer.size);
        // The first id is the start token, after which the answer begins.
        const next = answers[prompt]![ids.length - 1] ?? tokenizer.special.eos;
        logits[next] = CERTAINTY;
        return logits;
      });
      return Promise.resolve(state);
    },
    dispose: () => Promise.resolve(),
  };
  return { model, tokenizer, manifest };
}

function fakeManifest(tokenizer: Tokenizer): Manifest {
  const { bos, eos, pad } = tokenizer.special;
  return parseManifest({
    schema_version: MANIFEST_VERSION,
    id: "fake",
    revision: `sha256:${"0".repeat(64)}`,
    source: "a script",
    license: "MIT",
    precision: "fp32",
    layout: "florence",
    tasks: TASKS.map((task) => task.spelling),
    thresholds: {},
    vision: {
      kind: "davit",
      input: {
        size: 64,
        resize: "stretch",
        order: "rgb",
        mean: [0, 0, 0],
        std: [1, 1, 1],
      },
      input_sizes: [64],
    },
    text: {
      d_model: 4,
      encoder_layers: 1,
      decoder_layers: 1,
      heads: 1,
      vocabulary: tokenizer.size,
      positions: 1024,
    },
    generation: {
      decoder_start_token_id: eos,
      bos_token_id: bos,
      pad_token_id: pad,
      eos_token_id: eos,
      forced_bos_token_id: bos,
      forced_eos_token_id: eos,
      num_beams: 1,
      no_repeat_ngram_size: 0,
      early_stopping: true,
      length_penalty: 1,
      suppress_tokens: [],
    },
    tokenizer: ["tokenizer.json"],
    graphs: {},
    parts: [],
    files: [],
  });
}
