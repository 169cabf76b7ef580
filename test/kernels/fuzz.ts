// Random shapes and worst values against the twins, on every variant.
//
//   npm run test:kernels -- [--cases 10000] [--seed 1] [--family "int8 product"]
//
// `--cases` counts all families together, for each variant; `--variants best`
// is what this machine would choose, `dot,pair` those two whatever it would.

import { parseArgs } from "node:util";
import type { KernelVariant } from "../../src/shared/model/edge/kernels.ts";
import { openArena } from "./arena.ts";
import { FAMILIES } from "./families.ts";
import { runCases } from "./family.ts";

const { values: flags } = parseArgs({
  options: {
    cases: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    family: { type: "string" },
    variants: { type: "string", default: "here" },
  },
});

const families = FAMILIES.filter(
  ({ name }) => flags.family === undefined || name === flags.family,
);
const each = Math.ceil(Number(flags.cases) / families.length);
const best = (await openArena()).kernels.variant;
const here = best === "dot" ? "dot,pair,plain" : `${best},plain`;
const wanted = { best, here }[flags.variants] ?? flags.variants;
for (const variant of new Set(wanted.split(",") as KernelVariant[])) {
  const arena = await openArena(variant);
  for (const family of families) {
    runCases(family, arena, each, Number(flags.seed));
  }
  console.log(
    `${variant}: ${each * families.length} cases of ${families.length} families hold`,
  );
}
