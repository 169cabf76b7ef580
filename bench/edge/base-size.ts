// How long does a model of Florence-2-base's size take on the kernels, and how
// much memory is planned for it?
//
// Command:  node bench/edge/base-size.ts [--bits 7]
// Expected: a minute (4 bits: two); a table. Random weights; 30 greedy tokens; one
//           thread of Node, its processor time. Peak memory: 1.5 GB while packing.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { parseEdgeChoices } from "../../src/convert/edge/edge-choices.ts";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { bundleFolder } from "../../src/node/bundle-folder.ts";
import {
  openEdgeModel,
  readEdgePlan,
} from "../../src/shared/model/edge/edge-model.ts";
import { openKernels } from "../../src/shared/model/edge/kernels.ts";
import {
  peakBytes,
  planMemory,
} from "../../src/shared/model/edge/memory-plan.ts";
import { findWeights } from "../../src/shared/model/edge/weights.ts";
import type { Model } from "../../src/shared/model/model.ts";
import {
  readManifest,
  readTokenizer,
} from "../../src/shared/model/open-model.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../../test/golden/random-checkpoint.ts";
import { readModules } from "../../test/kernels/arena.ts";
import { median, mebibytes, milliseconds, printMachine } from "../report.ts";

const SIZES = [384, 768];
const ROUNDS = 3;
const TOKENS = 30;
const MAX_BYTES = 2 ** 29;
/** `<CAPTION>`, as the tokenizer has it. */
const PROMPT = [0, 2264, 473, 5, 2274, 6190, 116, 2];
const PICTURE = {
  width: 640,
  height: 480,
  data: Uint8Array.from({ length: 921_600 }, (_, at) => (at * 7919) % 251),
};

const { values: flags } = parseArgs({
  options: { bits: { type: "string", default: "7" } },
});
const folder = await mkdtemp(`${tmpdir()}/florence-base-`);
try {
  const checkpoint = `${folder}/checkpoint`;
  const out = `${folder}/bundle`;
  writeRandomCheckpoint(checkpoint, loadRecipe("base"));
  const edge = parseEdgeChoices(flags.bits);
  await convertCheckpoint(checkpoint, { out, precision: "edge", edge });
  await measure(out);
} finally {
  await rm(folder, { recursive: true });
}

async function measure(out: string): Promise<void> {
  const bundle = bundleFolder(out);
  const manifest = await readManifest(bundle);
  const plan = await readEdgePlan(bundle);
  const modules = await readModules();
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { run } = await openKernels(modules, memory);
  const { vision } = manifest;
  if (vision.kind !== "davit") throw new Error("internal: base has DaViT");
  const sizes = { ...manifest, vision: { ...vision, input_sizes: SIZES } };
  const tokenizer = await readTokenizer(manifest, bundle);
  const model = await openEdgeModel(sizes, bundle, tokenizer, modules, {
    maxBytes: MAX_BYTES,
  });
  printMachine();
  console.log(
    `weights of ${flags.bits} bits, ${model.capabilities.device} kernels`,
  );
  console.log("");
  console.log(
    "| input | vision | encoder | 30 tokens | weights | work | peak planned |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const size of SIZES) {
    const rounds: Times[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push(await caption(model, size));
    }
    const planned = planMemory(run, plan, findWeights(plan), [size]);
    const times = (["vision", "encoder", "decoder"] as const).map((part) =>
      milliseconds(median(rounds.map((round) => round[part]))),
    );
    console.log(
      `| ${[
        `${size} px`,
        ...times,
        mebibytes(planned.weightBytes),
        mebibytes(planned.workBytes),
        mebibytes(peakBytes(planned, 1, TOKENS)),
      ].join(" | ")} |`,
    );
  }
  await model.dispose();
}

interface Times {
  readonly vision: number;
  readonly encoder: number;
  readonly decoder: number;
}

async function caption(model: Model, inputSize: number): Promise<Times> {
  const start = processorMs();
  const [features] = await model.encode([PICTURE], { inputSize });
  const seen = processorMs();
  const state = await model.start([{ features: features!, ids: PROMPT }]);
  const read = processorMs();
  let tokenId = 2;
  for (let token = 0; token < TOKENS; token += 1) {
    const parent = token === 0 ? -1 : 0;
    const [next] = await state.step([{ prompt: 0, parent, tokenId, best: 1 }]);
    tokenId = next!.best[0]!.id;
  }
  const end = processorMs();
  await state.dispose();
  return { vision: seen - start, encoder: read - seen, decoder: end - read };
}

/** Processor time of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
