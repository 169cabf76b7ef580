// Writing in photos: error rates of the text, and of lines with their place.

import type { TrueTextLine } from "../metrics/text-spotting.ts";
import { countCharacterErrors, countWordErrors, countWordsRead, errorRate, type ErrorCounts } from "../metrics/text-errors.ts"; // prettier-ignore
import { countSpotting, hmean } from "../metrics/text-spotting.ts";
import { resultOf } from "./answers.ts";
import {
  onceForWeights,
  ratioFigure,
  type Figure,
  type Measure,
} from "./measure.ts";

const NOTE =
  "Texts are compared without case, runs of blanks as one; lines are joined in the order of the data set, unreadable ones left out.";

/** The text of the photo as one. */
export const readingText: Measure = {
  name: "reading-text",
  title: "Reading, as one text",
  task: "ocr",
  asks: ({ lines }) =>
    lines === null
      ? []
      : [{ id: "ocr", request: { task: "ocr", layout: "text" } }],
  judge(answered) {
    const read = answered.map((one) => {
      const result = resultOf(one, "ocr", "ocr");
      return { said: result?.text ?? "", truth: textOf(one.item.lines ?? []) };
    });
    return {
      figures: textFigures(read),
      cases: read.map(({ said, truth }) => ({
        quality: qualityOf(said, truth),
        ...{ truth: [truth], answer: [said] },
        ...{ trueShapes: [], answeredShapes: [] },
      })),
      // A text is not simply right or wrong.
      outcomes: answered.map(() => []),
      notes: [NOTE],
    };
  },
};

/** Lines with their corners. */
export const readingLines: Measure = {
  name: "reading-lines",
  title: "Reading, line by line",
  task: "ocr:lines",
  asks: ({ lines }) =>
    lines === null
      ? []
      : [{ id: "lines", request: { task: "ocr", layout: "lines" } }],
  judge(answered) {
    const photos = answered.map((one) => {
      const result = resultOf(one, "lines", "ocr");
      const lines = result?.layout === "lines" ? result.lines : [];
      const truths = one.item.lines ?? [];
      return {
        ...{ lines, truths, said: result?.text ?? "", truth: textOf(truths) },
        spotting: countSpotting(lines, truths),
        detection: countSpotting(lines, truths, "detection"),
      };
    });
    const figure = (
      name: string,
      title: string,
      key: "precision" | "recall" | "hmean",
      kind: "spotting" | "detection",
    ): Figure => {
      const counts = photos.map((photo) => photo[kind]);
      const figures = onceForWeights((weights) => hmean(counts, weights));
      const n = counts.reduce((total, { truths }) => total + truths, 0);
      return {
        ...{ name, title, of: "lines", n, better: "higher" },
        statistic: (weights) => figures(weights)[key],
      };
    };
    return {
      figures: [
        figure("hmean", "end-to-end hmean, overlap 0.50", "hmean", "spotting"),
        figure("precision", "end-to-end precision", "precision", "spotting"),
        figure("recall", "end-to-end recall", "recall", "spotting"),
        figure("detection hmean", "hmean of places alone", "hmean", "detection"), // prettier-ignore
        ...textFigures(photos),
      ],
      cases: photos.map(({ lines, truths, said, truth }) => ({
        quality: qualityOf(said, truth),
        ...{ truth: [truth], answer: [said] },
        trueShapes: truths.map(({ text, quad }) => ({ label: text, points: quad })), // prettier-ignore
        answeredShapes: lines.map(({ text, quad }) => ({ label: text, points: quad })), // prettier-ignore
      })),
      outcomes: photos.map(({ lines, spotting }) =>
        lines.flatMap(({ score }, at) => {
          const isRight = spotting.outcomes[at] ?? null;
          return isRight === null ? [] : [{ score, isRight }];
        }),
      ),
      notes: [NOTE],
    };
  },
};

function textFigures(
  texts: readonly { readonly said: string; readonly truth: string }[],
): Figure[] {
  const characters = texts.map(({ said, truth }) => countCharacterErrors(plain(said), plain(truth))); // prettier-ignore
  const words = texts.map(({ said, truth }) => countWordErrors(plain(said), plain(truth))); // prettier-ignore
  const rate = (
    name: string,
    title: string,
    of: string,
    counts: readonly ErrorCounts[],
  ): Figure => ({
    ...{ name, title, of, better: "lower" },
    n: counts.reduce((total, { length }) => total + length, 0),
    statistic: (weights) => {
      const value = errorRate(counts, weights);
      return Number.isFinite(value) ? value : null;
    },
  });
  return [
    rate("CER", "character error rate", "characters", characters),
    rate("WER", "word error rate", "words", words),
    ratioFigure(
      { name: "word recall", title: "words read, in any order", of: "words" },
      texts.map(({ said, truth }) => {
        const counts = countWordsRead(plain(said), plain(truth));
        return { part: counts.found, of: counts.words };
      }),
    ),
  ];
}

function textOf(lines: readonly TrueTextLine[]): string {
  return lines.flatMap(({ text, isIgnored }) => (isIgnored ? [] : [text])).join("\n"); // prettier-ignore
}

function plain(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/\s+/gu, " ").trim();
}

/** 1 less the character error rate, 0 at least. */
function qualityOf(said: string, truth: string): number {
  const { edits, length } = countCharacterErrors(plain(said), plain(truth));
  return length === 0 ? Number(edits === 0) : Math.max(0, 1 - edits / length);
}
