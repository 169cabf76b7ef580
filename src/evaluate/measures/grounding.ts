// Phrases of a caption and their boxes: Flickr30k's recall at 1, 5 and 10.

import type { Box } from "../../shared/geometry.ts";
import { normalizeLabel } from "../../shared/tasks/request-fields.ts";
import type { GroundedCaption, TruePhrase } from "../data/item.ts";
import { isGrounded, RECALL_AT, type GroundingProtocol } from "../metrics/grounding-recall.ts"; // prettier-ignore
import { boxShape, resultOf } from "./answers.ts";
import { ratioFigure, type AnsweredItem, type Measure } from "./measure.ts";

const PROTOCOLS = ["any-box", "merged-box"] as const;

interface GroundedPhrase {
  readonly truth: TruePhrase;
  /** Best first. */
  readonly boxes: readonly { readonly box: Box; readonly score: number }[];
}

/** Phrase grounding. */
export const grounding: Measure = {
  name: "grounding",
  title: "Phrase grounding",
  task: "ground",
  asks: ({ groundedCaptions }) =>
    groundedCaptions.map(({ caption }, at) => ({
      id: `ground:${at}`,
      request: { task: "ground", phrase: caption },
    })),
  judge(answered) {
    const photos = answered.map((one) =>
      one.item.groundedCaptions.flatMap((grounded, at) =>
        readPhrases(one, grounded, `ground:${at}`),
      ),
    );
    const found = (phrase: GroundedPhrase, protocol: GroundingProtocol) =>
      isGrounded(
        phrase.boxes.map(({ box }) => box),
        phrase.truth.boxes,
        protocol,
      );
    return {
      figures: PROTOCOLS.flatMap((protocol) =>
        RECALL_AT.map((most, at) =>
          ratioFigure(
            { name: `R@${most} ${protocol}`, title: `recall, ${most} ${most === 1 ? "box" : "boxes"} a phrase, ${protocol}`, of: "phrases" },
            photos.map((phrases) => ({
              part: phrases.filter((phrase) => found(phrase, protocol)[at]).length,
              of: phrases.length,
            })),
          ),
        ),
      ),
      cases: photos.map((phrases) => ({
        quality: phrases.filter((phrase) => found(phrase, "any-box")[0]).length / Math.max(1, phrases.length),
        truth: phrases.map(({ truth }) => truth.phrase),
        answer: phrases.map(({ truth, boxes }) => `${truth.phrase}: ${boxes.length} boxes`),
        trueShapes: phrases.flatMap(({ truth }) => truth.boxes.map((box) => boxShape(truth.phrase, box))),
        answeredShapes: phrases.flatMap(({ truth, boxes }) => boxes.map(({ box, score }) => boxShape(`${truth.phrase} ${score.toFixed(2)}`, box))),
      })),
      outcomes: photos.map((phrases) =>
        phrases.flatMap((phrase) =>
          phrase.boxes.slice(0, 1).map(({ score }) => ({ score, isRight: found(phrase, "any-box")[0] === true })),
        ),
      ),
      notes: [
        "The whole caption is asked at once. Boxes whose phrase overlaps a true phrase in the caption are its answers, best score first; a phrase without any is not found.",
        "The paper does not say which of the two protocols it used.",
      ],
    };
  },
}; // prettier-ignore

function readPhrases(
  one: AnsweredItem,
  grounded: GroundedCaption,
  id: string,
): GroundedPhrase[] {
  const objects = resultOf(one, id, "ground")?.objects ?? [];
  return grounded.phrases.map((truth) => {
    const own = objects.filter(({ phrase, span }) =>
      span === null
        ? normalizeLabel(phrase) === normalizeLabel(truth.phrase)
        : span[0] < truth.span[1] && truth.span[0] < span[1],
    );
    return { truth, boxes: own.toSorted((a, b) => b.score - a.score) };
  });
}
