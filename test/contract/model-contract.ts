// What every implementation of the model wall must hold, whatever runs it.
// One suite for Node, workerd and later backends; each opens the same small
// bundle and runs every case.

import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import type { Prompt, StepRow } from "../../src/shared/model/model.ts";
import { check, checkClose, checkEqual, checkRefused } from "./check.ts";

/** One thing that must hold. */
export interface ContractCase {
  readonly name: string;
  run(loaded: LoadedModel): Promise<void>;
}

// The same arithmetic in another batch size may be ordered otherwise: a few
// units in the last place of float32 after some layers.
const TOLERANCE = 2e-4;

/** The cases, in an order of growing demands. */
export const MODEL_CONTRACT: readonly ContractCase[] = [
  {
    name: "gives one feature set per image, the same alone and in a batch",
    async run({ model }) {
      const images = [stripes(40, 30, 1), stripes(64, 20, 2)];
      const batch = await model.encode(images);
      checkEqual(batch.length, 2);
      for (const [index, image] of images.entries()) {
        const [alone] = await model.encode([image]);
        const together = batch[index]!;
        checkEqual(together.tokens * together.width, together.data.length);
        checkEqual(together.hintIds, alone!.hintIds);
        checkClose(together.data, alone!.data, TOLERANCE);
      }
    },
  },
  {
    name: "gives log-probabilities that sum to one and the logits back",
    async run(loaded) {
      await withState(loaded, ["What?"], async (state, first) => {
        const everything = [...Array(first.vocabulary).keys()];
        const [result] = await state.step([
          { ...first.row(0), scored: everything },
        ]);
        const sum = result!.scored.reduce((all, lp) => all + Math.exp(lp), 0);
        checkClose([sum], [1], 1e-4);
        check(Number.isFinite(result!.logSumExp), "log-sum-exp is a number");
      });
    },
  },
  {
    name: "gives the best first and obeys banned and allowed ids",
    async run(loaded) {
      await withState(loaded, ["What?"], async (state, first) => {
        const [plain] = await state.step([{ ...first.row(0), best: 5 }]);
        const ids = plain!.best.map((choice) => choice.id);
        const scores = plain!.best.map((choice) => choice.logProb);
        checkEqual(
          scores,
          scores.toSorted((a, b) => b - a),
        );
        const [banned] = await state.step([
          { ...first.row(0), best: 4, banned: [ids[0]!] },
        ]);
        checkEqual(
          banned!.best.map((choice) => choice.id),
          ids.slice(1),
        );
        checkClose([banned!.best[0]!.logProb], [scores[1]!], TOLERANCE);
        const allowed = [ids[4]!, ids[2]!];
        const [narrow] = await state.step([
          { ...first.row(0), best: 3, allowed },
        ]);
        checkEqual(
          narrow!.best.map((choice) => choice.id),
          [ids[2], ids[4]],
        );
        const [scored] = await state.step([
          { ...first.row(0), best: 0, banned: ids, scored: [ids[3]!] },
        ]);
        checkEqual(scored!.best, []);
        checkClose(scored!.scored, [scores[3]!], TOLERANCE);
      });
    },
  },
  {
    name: "answers a batch of unequal prompts as it answers each alone",
    async run(loaded) {
      const texts = ["What?", "Locate the cat and the dog in the image.", "A"];
      const alone = await Promise.all(
        texts.map((text) => walk(loaded, [text], [[0], [7], [9], [11]])),
      );
      const together = await walk(loaded, texts, [[0], [7], [9], [11]]);
      for (const [prompt, own] of alone.entries()) {
        checkClose(together[prompt]!, own[0]!, TOLERANCE);
      }
    },
  },
  {
    name: "goes on from the parent a row names, many rows from one parent",
    async run(loaded) {
      const [ab, ba] = await Promise.all([
        walk(loaded, ["What?"], [[0], [5], [8]]),
        walk(loaded, ["What?"], [[0], [6], [8]]),
      ]);
      await withState(loaded, ["What?"], async (state, first) => {
        const scored = PROBES;
        await state.step([first.row(0)]);
        const row = (parent: number, tokenId: number): StepRow => ({
          ...{ prompt: 0, parent, tokenId, best: 1, scored },
        });
        await state.step([row(0, 0)]);
        await state.step([row(0, 5), row(0, 6)]);
        const crossed = await state.step([row(1, 8), row(0, 8), row(1, 8)]);
        checkClose(crossed[0]!.scored, ba[0]!, TOLERANCE);
        checkClose(crossed[1]!.scored, ab[0]!, TOLERANCE);
        checkClose(crossed[2]!.scored, ba[0]!, TOLERANCE);
      });
    },
  },
  {
    name: "begins again when no row has a parent",
    async run(loaded) {
      await withState(loaded, ["What?", "A dog"], async (state, first) => {
        const rows = [0, 1].map((prompt) => ({
          ...first.row(prompt),
          scored: PROBES,
        }));
        const before = await state.step(rows);
        await state.step([{ ...rows[1]!, parent: 1, tokenId: 0 }]);
        const again = await state.step(rows);
        for (const prompt of [0, 1]) {
          checkClose(again[prompt]!.scored, before[prompt]!.scored, TOLERANCE);
        }
      });
    },
  },
  {
    name: "goes on with the others after a prompt is finished",
    async run(loaded) {
      const texts = ["What?", "A dog on a mat", "Locate it"];
      const alone = await walk(loaded, ["Locate it"], [[0], [7], [9]]);
      await withState(loaded, texts, async (state, first) => {
        await state.step([0, 1, 2].map((prompt) => first.row(prompt)));
        const next = (prompt: number, parent: number, tokenId: number) => ({
          ...{ prompt, parent, tokenId, best: 1, scored: PROBES },
        });
        await state.step([next(0, 0, 0), next(1, 1, 0), next(2, 2, 0)]);
        state.finish([0]);
        await state.step([next(1, 1, 3), next(2, 2, 7)]);
        state.finish([1]);
        const [last] = await state.step([next(2, 1, 9)]);
        checkClose(last!.scored, alone[0]!, TOLERANCE);
      });
    },
  },
  {
    name: "takes prompts over different images in one batch",
    async run(loaded) {
      const [red, blue] = await loaded.model.encode([
        stripes(40, 30, 1),
        stripes(30, 40, 5),
      ]);
      const ids = loaded.tokenizer.encode("What?");
      const scoreAll = async (prompts: readonly Prompt[]) => {
        const state = await loaded.model.start(prompts);
        const rows = prompts.map((_, prompt) => ({
          ...firstRow(loaded, prompt),
          scored: PROBES,
        }));
        const results = await state.step(rows);
        await state.dispose();
        return results.map((result) => result.scored);
      };
      const both = await scoreAll([
        { features: red!, ids },
        { features: blue!, ids },
      ]);
      const [alone] = await scoreAll([{ features: blue!, ids }]);
      checkClose(both[1]!, alone!, TOLERANCE);
    },
  },
  {
    name: "refuses work whose signal was aborted, and works on afterwards",
    async run(loaded) {
      const signal = AbortSignal.abort("enough");
      const image = stripes(40, 30, 1);
      await checkRefused(
        loaded.model.encode([image], { signal }),
        "deadline_exceeded",
      );
      await withState(loaded, ["What?"], async (state, first) => {
        await checkRefused(
          state.step([first.row(0)], { signal }),
          "deadline_exceeded",
        );
        const results = await state.step([first.row(0)]);
        checkEqual(results.length, 1);
      });
    },
  },
  {
    name: "refuses an input size it does not take, naming those it does",
    async run({ model }) {
      await checkRefused(
        model.encode([stripes(40, 30, 1)], { inputSize: 31 }),
        "invalid_request",
      );
    },
  },
  {
    name: "refuses a prompt longer than its positions",
    async run(loaded) {
      const [features] = await loaded.model.encode([stripes(40, 30, 1)]);
      const ids = Array<number>(loaded.manifest.text.positions + 1).fill(5);
      await checkRefused(
        loaded.model.start([{ features: features!, ids }]),
        "invalid_request",
      );
    },
  },
  {
    name: "takes a second disposal of a state without complaint",
    async run(loaded) {
      const [features] = await loaded.model.encode([stripes(40, 30, 1)]);
      const ids = loaded.tokenizer.encode("What?");
      const state = await loaded.model.start([{ features: features!, ids }]);
      await state.dispose();
      await state.dispose();
    },
  },
];

const PROBES = [0, 1, 2, 3, 17, 100, 999];

interface First {
  readonly vocabulary: number;
  row(prompt: number): StepRow;
}

type State = Awaited<ReturnType<LoadedModel["model"]["start"]>>;

function firstRow({ manifest }: LoadedModel, prompt: number): StepRow {
  const tokenId = manifest.generation.decoder_start_token_id;
  return { prompt, parent: -1, tokenId, best: 1 };
}

/** Opens a state over one striped picture and some texts. */
async function withState(
  loaded: LoadedModel,
  texts: readonly string[],
  use: (state: State, first: First) => Promise<void>,
): Promise<void> {
  const [features] = await loaded.model.encode([stripes(48, 36, 3)]);
  const prompts = texts.map((text) => ({
    features: features!,
    ids: loaded.tokenizer.encode(text),
  }));
  const state = await loaded.model.start(prompts);
  try {
    await use(state, {
      vocabulary: loaded.manifest.text.vocabulary,
      row: (prompt) => firstRow(loaded, prompt),
    });
  } finally {
    await state.dispose();
  }
}

/** Forces the same tokens on every prompt; the probes' scores after the last. */
async function walk(
  loaded: LoadedModel,
  texts: readonly string[],
  tokens: readonly (readonly [number])[],
): Promise<Float32Array[]> {
  let scores: Float32Array[] = [];
  await withState(loaded, texts, async (state, first) => {
    await state.step(texts.map((_, prompt) => first.row(prompt)));
    for (const [tokenId] of tokens) {
      const results = await state.step(
        texts.map((_, prompt) => ({
          ...{ prompt, parent: prompt, tokenId, best: 1, scored: PROBES },
        })),
      );
      scores = results.map((result) => result.scored);
    }
  });
  return scores;
}

/** A picture of slanted stripes, different for each seed. */
function stripes(width: number, height: number, seed: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let index = 0; index < data.length; index += 1) {
    const x = Math.floor(index / 3) % width;
    const y = Math.floor(index / 3 / width);
    data[index] = (x * seed * 7 + y * 13 + (index % 3) * 60 * seed) % 256;
  }
  return { width, height, data };
}
