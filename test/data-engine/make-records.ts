// Annotations and records for tests, with the parts a test does not speak of
// filled in.

import type {
  Annotation,
  PhotoFacts,
  RegionText,
  SeenPhoto,
  Source,
  TextAnnotation,
  Triplet,
} from "../../src/data-engine/records/record.ts";

export const HUMAN: Source = { kind: "human", id: "human", revision: "1" };
export const DETECTOR: Source = {
  kind: "specialist",
  id: "detector",
  revision: "1",
};
export const MATTE: Source = { kind: "specialist", id: "matte", revision: "1" };
export const BUNDLE: Source = { kind: "bundle", id: "box", revision: "1" };

let made = 0;

function common(source: Source, score: number | null) {
  made += 1;
  return { id: `${source.id}#${made}`, source, score };
}

/** `[x_min, y_min, x_max, y_max]` */
export type Corners = readonly [number, number, number, number];

export function boxOf([x_min, y_min, x_max, y_max]: Corners) {
  return { x_min, y_min, x_max, y_max };
}

export function object(
  source: Source,
  text: string,
  corners: Corners,
  score: number | null = 0.9,
  about: RegionText["about"] = "object",
): RegionText {
  const region = { box: boxOf(corners) };
  return { kind: "region_text", about, text, region, ...common(source, score) };
}

export function caption(
  source: Source,
  text: string,
  level: TextAnnotation["level"] = "brief",
): TextAnnotation {
  return { kind: "text", level, text, ...common(source, null) };
}

export function tag(
  source: Source,
  text: string,
  score: number | null,
): Annotation {
  return { kind: "tag", text, ...common(source, score) };
}

/** A triplet of the first place where `phrase` stands in `text`. */
export function triplet(
  source: Source,
  text: string,
  phrase: string,
  corners: Corners,
  score: number | null = 0.9,
): Triplet {
  const from = text.indexOf(phrase);
  return {
    kind: "triplet",
    level: "brief",
    text,
    phrase,
    span: [from, from + phrase.length],
    regions: [{ box: boxOf(corners) }],
    ...common(source, score),
  };
}

export function factsOf(path: string, dhash = "0".repeat(16)): PhotoFacts {
  const sha256 = "a".repeat(64);
  return { path, bytes: 100, sha256, width: 200, height: 100, dhash };
}

export function record(
  path: string,
  annotations: readonly Annotation[],
  more: Partial<SeenPhoto> = {},
): SeenPhoto {
  return {
    photo: factsOf(path),
    annotations: [...annotations],
    ...more,
  };
}
