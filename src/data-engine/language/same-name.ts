// Whether two labels name the same kind of thing.

import { COCO_LABELS } from "../specialists/coco-labels.ts";
import { readLabel, type NounPhrase } from "./read-text.ts";

/** Names of people, which detectors of COCO's classes call `person`. */
const PEOPLE = new Set(
  (
    "person man woman boy girl child kid baby lady guy people player rider " +
    "skier surfer skateboarder snowboarder worker pedestrian spectator crowd"
  ).split(" "),
);

/** Everyday words for COCO classes of another spelling. */
const SYNONYMS: Readonly<Record<string, string>> = {
  bike: "bicycle",
  motorbike: "motorcycle",
  plane: "airplane",
  aeroplane: "airplane",
  jet: "airplane",
  television: "tv",
  sofa: "couch",
  phone: "cell phone",
  cellphone: "cell phone",
  "mobile phone": "cell phone",
  fridge: "refrigerator",
  stove: "oven",
  doughnut: "donut",
  bag: "handbag",
  table: "dining table",
  plant: "potted plant",
  ball: "sports ball",
};

/** Names of several words, which no part of them stands for. */
const COMPOUNDS = COCO_LABELS.filter((label) => label.includes(" "));

const known = new Map<string, string>();

/**
 * The name a label is compared by: the nouns of its first phrase, singular,
 * people as `person`. `two young men` and `Person` are both `person`.
 */
export function comparableName(label: string): string {
  const before = known.get(label);
  if (before !== undefined) return before;
  const name = nameOf(label);
  // Captions are endless, labels are not.
  if (label.length < 40) known.set(label, name);
  return name;
}

function nameOf(label: string): string {
  const plain = label.trim().toLowerCase();
  const phrase = readLabel(plain).phrases.find(({ isPronoun }) => !isPronoun);
  const name = phrase?.name ?? plain;
  const head = phrase?.lemma ?? plain;
  if (PEOPLE.has(head)) return "person";
  // `two hot dogs` are no dogs.
  const singular = phrase === undefined ? plain : singularOf(phrase);
  const compound = COMPOUNDS.find((label) =>
    ` ${singular}`.endsWith(` ${label}`),
  );
  if (compound !== undefined) return compound;
  return SYNONYMS[name] ?? SYNONYMS[head] ?? name;
}

/** The words of a phrase, its last noun as the dictionary has it. */
function singularOf({ text, lemma }: NounPhrase): string {
  return [...text.toLowerCase().split(" ").slice(0, -1), lemma].join(" ");
}

/** Whether two labels name the same kind of thing: `dogs` and `a brown dog`. */
export function isSameName(one: string, other: string): boolean {
  return comparableName(one) === comparableName(other);
}
