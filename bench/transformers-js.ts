// How fast is one task, and are five tasks over one image, against
// transformers.js on the same weights in the same run?
//
//   node bench/transformers-js.ts [--recipe base] [--repeats 3] [--tokens 20]
//
// Random weights of Florence-2-base's shape, fp32, 768 px, one thread, a fixed
// number of greedy tokens a task. Both sides run ONNX Runtime in Node on
// graphs with the same operators; the ids of both are compared. Takes about
// five minutes and 5 GB of disk in the system's temporary folder.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { convertCheckpoint } from "../src/convert/index.ts";
import { openBundle } from "../src/node/open-bundle.ts";
import { generate } from "../src/shared/generate/generate.ts";
import type { RgbImage } from "../src/shared/image/rgb-image.ts";
import type { LoadedModel } from "../src/shared/model/open-model.ts";
import { preprocess } from "../src/shared/model/preprocess.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../test/golden/random-checkpoint.ts";
import { median, milliseconds, printMachine } from "./report.ts";
import { openPeer, type Pixels } from "./transformers-js-peer.ts";

const PROMPTS = [
  "What does the image describe?",
  "Locate the objects with category name in the image.",
  "Describe in detail what is shown in the image.",
  "What is the text in the image, with regions?",
  "Locate the region proposals in the image.",
];

const { values } = parseArgs({
  options: {
    recipe: { type: "string", default: "base" },
    repeats: { type: "string", default: "3" },
    tokens: { type: "string", default: "20" },
  },
});
const tokens = Number(values.tokens);
const folder = await mkdtemp(join(tmpdir(), "florence-bench-"));
try {
  await compare();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  printMachine();
  console.log(
    `random ${values.recipe}, fp32, ${tokens} tokens a task, one thread`,
  );
  const checkpoint = join(folder, "checkpoint");
  writeRandomCheckpoint(checkpoint, loadRecipe(values.recipe));
  for (const layout of ["florence", "transformers-js"] as const) {
    const out = join(folder, layout);
    await convertCheckpoint(checkpoint, { out, precision: "fp32", layout });
  }
  await rm(checkpoint, { recursive: true });

  const ours = await openBundle(join(folder, "florence"), { threads: 1 });
  const peer = await openPeer(join(folder, "transformers-js"), "fp32");
  const image = gradient(1024, 768);
  const prompts = PROMPTS.map((text) => ours.tokenizer.encode(text));

  const ourIds = await answerOurs(ours, image, prompts);
  const times: Record<string, number[]> = {};
  const record = (name: string, ms: number): void => {
    (times[name] ??= []).push(ms);
  };
  const sides = { one: prompts.slice(0, 1), five: prompts };
  for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
    for (const [name, own] of Object.entries(sides)) {
      const start = performance.now();
      await answerOurs(ours, image, own, (part, ms) => {
        record(`ours, ${name}: ${part}`, ms);
      });
      record(`ours, ${name}`, performance.now() - start);
      const peerStart = performance.now();
      for (const [at, ids] of own.entries()) {
        const peerIds = await peer.answer(pixelsOf(image, ours), ids, tokens);
        if (repeat === 0) {
          const isSame = peerIds.join() === ourIds[at]!.join();
          console.log(
            `${name}, prompt ${at}: ids ${isSame ? "equal" : `differ\n  ours ${ourIds[at]!.join(" ")}\n  peer ${peerIds.join(" ")}`}`,
          );
        }
      }
      record(`peer, ${name}`, performance.now() - peerStart);
      for (const [part, ms] of peer.takeParts()) {
        record(`peer, ${name}: ${part}`, ms);
      }
    }
  }
  await ours.model.dispose();

  for (const [name, all] of Object.entries(times)) {
    console.log(`${name.padEnd(28)} ${milliseconds(median(all))}`);
  }
  const ratio = (name: string): string =>
    (median(times[`peer, ${name}`]!) / median(times[`ours, ${name}`]!)).toFixed(
      2,
    );
  console.log(`one task:   ${ratio("one")} times the peer's speed`);
  console.log(`five tasks: ${ratio("five")} times the peer's speed`);
}

/** Our answers, one vision pass and one batch for all prompts. */
async function answerOurs(
  { model, manifest }: LoadedModel,
  image: RgbImage,
  prompts: readonly (readonly number[])[],
  part?: (name: string, ms: number) => void,
): Promise<readonly (readonly number[])[]> {
  const start = performance.now();
  const [features] = await model.encode([image]);
  const encoded = performance.now();
  part?.("vision", encoded - start);
  const state = await model.start(
    prompts.map((ids) => ({ features: features!, ids })),
  );
  const started = performance.now();
  part?.("encoder", started - encoded);
  const { eos_token_id: eos } = manifest.generation;
  const answers = await generate(state, [...prompts.keys()], {
    // No answer may end early: every task has the same number of tokens.
    spec: {
      ...manifest.generation,
      forced_eos_token_id: null,
      suppress_tokens: [...manifest.generation.suppress_tokens, eos],
    },
    numBeams: 1,
    maxTokens: tokens,
  });
  await state.dispose();
  part?.("decoder", performance.now() - started);
  return answers.map((answer) => answer.ids);
}

/** The picture as the model takes it. */
function pixelsOf(image: RgbImage, { manifest }: LoadedModel): Pixels {
  if (manifest.vision.kind !== "davit") throw new Error("not a DaViT");
  const { input } = manifest.vision;
  return { data: preprocess([image], input, input.size), size: input.size };
}

/** A smooth made-up photo. */
function gradient(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at += 1) {
    const x = Math.floor(at / 3) % width;
    const y = Math.floor(at / 3 / width);
    data[at] = (x / 4 + y / 3 + (at % 3) * 40 + ((x ^ y) & 31)) % 256;
  }
  return { width, height, data };
}
