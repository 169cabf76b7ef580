// Joins what texts say with what boxes show: a phrase of a caption and the
// objects of its name become a triplet.

import type {
  Annotation,
  Region,
  RegionText,
  Source,
  Triplet,
} from "../records/record.ts";
import { comparableName } from "../language/same-name.ts";
import { readText } from "../language/read-text.ts";
import { numbered, type Draft, type Specialist } from "./specialist.ts";

/** Objects of a lower score are no ground for a phrase. */
const MIN_SCORE = 0.3;

const SOURCE: Source = {
  kind: "specialist",
  id: "linker",
  revision: `min-score-${MIN_SCORE}`,
};

/**
 * The linker. It needs no model: names are compared as `comparableName` has
 * them, and where a phrase in the singular could mean several objects it says
 * nothing.
 */
export function createLinker(): Specialist {
  return {
    source: SOURCE,
    listens: true,
    annotate: (_, known) =>
      Promise.resolve({ annotations: numbered(SOURCE, link(known)) }),
    dispose: () => Promise.resolve(),
  };
}

function link(known: readonly Annotation[]): Draft[] {
  const objects = bestObjects(known);
  return known.flatMap((annotation): Draft[] => {
    if (annotation.kind !== "text") return [];
    const { level, text } = annotation;
    const { phrases } = readText(text);
    return phrases.flatMap((phrase): Draft[] => {
      if (phrase.isPronoun) return [];
      const name = comparableName(phrase.text);
      // `a dog … another dog`: which is which, a name alone cannot tell.
      const isRepeated =
        phrases.filter((other) => comparableName(other.text) === name).length >
        1;
      const named = objects.filter((object) => object.name === name);
      const isPlural =
        phrase.text.toLowerCase().split(" ").at(-1) !== phrase.lemma;
      if (isRepeated || named.length === 0) return [];
      if (!isPlural && named.length > 1) return [];
      const draft: Omit<Triplet, "id" | "source"> = {
        kind: "triplet",
        level,
        text,
        phrase: phrase.text,
        span: [...phrase.span],
        regions: named.map(({ region }) => region),
        score: leastScore(named),
      };
      return [draft];
    });
  });
}

interface NamedObject {
  readonly name: string;
  readonly region: Region;
  readonly score: number | null;
}

/** Objects of people where they drew some, else of whoever scores enough. */
function bestObjects(known: readonly Annotation[]): NamedObject[] {
  const objects = known.filter(
    (annotation): annotation is RegionText =>
      annotation.kind === "region_text" && annotation.about === "object",
  );
  const human = objects.filter(({ source }) => source.kind === "human");
  // One source only: two would count each object twice.
  const [first] = objects;
  const chosen =
    human.length > 0
      ? human
      : objects.filter(
          ({ source, score }) =>
            source.id === first?.source.id && (score ?? 1) >= MIN_SCORE,
        );
  return chosen.map(({ text, region, score }) => ({
    name: comparableName(text),
    region,
    score,
  }));
}

/** A triplet is as sure as its least sure region; null where none has a score. */
function leastScore(objects: readonly NamedObject[]): number | null {
  const scores = objects.flatMap(({ score }) =>
    score === null ? [] : [score],
  );
  return scores.length === 0 ? null : Math.min(...scores);
}
