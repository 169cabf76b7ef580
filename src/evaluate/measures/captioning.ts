// Captions against people's: CIDEr-D, BLEU, ROUGE-L.

import { bleu, countBleu } from "../metrics/bleu.ts";
import { ciderD } from "../metrics/cider.ts";
import { ptbTokenize } from "../metrics/ptb-tokenize.ts";
import { rougeL } from "../metrics/rouge.ts";
import { resultOf, sum } from "./answers.ts";
import {
  onceForWeights,
  ratioFigure,
  type Figure,
  type Measure,
} from "./measure.ts";

/** Short captions. */
export const captioning: Measure = {
  name: "captioning",
  title: "Captions",
  task: "caption",
  asks: ({ captions }) =>
    captions.length === 0
      ? []
      : [{ id: "caption", request: { task: "caption", detail: "short" } }],
  judge(answered) {
    const texts = answered.map(
      (one) => resultOf(one, "caption", "caption")?.text ?? "",
    );
    const words = answered.map(({ item }, at) => ({
      candidate: ptbTokenize(texts[at]!),
      references: item.captions.map((caption) => ptbTokenize(caption)),
    }));
    const cider = ciderD(words).scores;
    const rouge = words.map((one) => rougeL(one.candidate, one.references));
    const counts = words.map((one) => countBleu(one.candidate, one.references));
    const bleuOf = onceForWeights((weights) => bleu(counts, weights));
    const photos = { of: "photos", n: answered.length, better: "higher" } as const; // prettier-ignore
    return {
      figures: [
        meanFigure("CIDEr", "CIDEr-D", cider),
        ...counts.slice(0, 1).flatMap(() =>
          [1, 2, 3, 4].map((n): Figure => ({
            ...{ name: `BLEU${n}`, title: `BLEU-${n}` },
            ...photos,
            statistic: (weights) => bleuOf(weights)[n - 1]!,
          })),
        ),
        meanFigure("ROUGE-L", "ROUGE-L", rouge),
      ],
      cases: answered.map(({ item }, at) => ({
        quality: cider[at]!,
        truth: item.captions,
        answer: [texts[at]!],
        ...{ trueShapes: [], answeredShapes: [] },
      })),
      // A caption is not simply right or wrong.
      outcomes: answered.map(() => []),
      notes: [
        "CIDEr-D as pycocoevalcap has it: people's captions of the same photos get about 1; the paper's tables have it times 100. Its document frequency is from these photos, also while they are resampled.",
      ],
    };
  },
};

function meanFigure(
  name: string,
  title: string,
  scores: readonly number[],
): Figure {
  const parts = scores.map((score) => ({ part: score, of: 1 }));
  return { ...ratioFigure({ name, title, of: "photos" }, parts), n: sum(parts.map(({ of }) => of)) }; // prettier-ignore
}
