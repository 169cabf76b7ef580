// What can be said of a scene, by grammar: every word of it is true, and every
// phrase knows its things.

import type { ImageSize } from "../../shared/geometry.ts";
import type { Level } from "../records/record.ts";
import type { SceneObject } from "./scene.ts";

/** A phrase of a text and the things it speaks of, by index. */
export interface SaidPhrase {
  readonly span: readonly [number, number];
  readonly things: readonly number[];
}

export interface SaidText {
  readonly level: Level;
  readonly text: string;
  readonly phrases: readonly SaidPhrase[];
}

/** The three texts of a scene, and a phrase for each thing that fits no other. */
export interface SaidScene {
  readonly texts: readonly SaidText[];
  /** In the order of the objects. */
  readonly descriptions: readonly string[];
}

const COUNTS = ["no", "one", "two", "three", "four", "five", "six"];

/** @param size of the scene, in pixels. */
export function describeScene(
  objects: readonly SceneObject[],
  size: ImageSize,
): SaidScene {
  const descriptions = objects.map((_, index) => describe(index, objects));
  return {
    descriptions,
    texts: [
      brief(objects),
      detailed(objects, descriptions),
      moreDetailed(objects, descriptions, size),
    ],
  };
}

/** Puts a text together and keeps where its phrases are. */
function createText(level: Level) {
  let text = "";
  const phrases: SaidPhrase[] = [];
  return {
    say(words: string): void {
      text += words;
    },
    /** @param words written with a capital where a sentence begins. */
    name(words: string, things: readonly number[]): void {
      const begins = text === "" || text.endsWith(". ");
      const written = begins ? capital(words) : words;
      phrases.push({
        span: [text.length, text.length + written.length],
        things,
      });
      text += written;
    },
    end: (): SaidText => ({ level, text, phrases }),
  };
}

/** `Two cups and a dog.` */
function brief(objects: readonly SceneObject[]): SaidText {
  const text = createText("brief");
  const kinds = [...Map.groupBy(objects.keys(), (at) => objects[at]!.name)];
  for (const [at, [name, things]] of kinds.entries()) {
    text.say(separator(at, kinds.length));
    text.name(
      things.length === 1
        ? withArticle(colored(objects[things[0]!]!))
        : `${COUNTS[things.length] ?? things.length} ${plural(name)}`,
      things,
    );
  }
  text.say(".");
  return text.end();
}

/** `The red cup is to the left of the dog. The dog is above the blue cup.` */
function detailed(
  objects: readonly SceneObject[],
  descriptions: readonly string[],
): SaidText {
  const text = createText("detailed");
  for (const [at, object] of objects.entries()) {
    const next = objects[at + 1];
    if (next === undefined && at > 0) break;
    if (at > 0) text.say(" ");
    text.name(`the ${descriptions[at]!}`, [at]);
    if (next === undefined) text.say(" is the only thing");
    else {
      text.say(` is ${relation(object, next)} `);
      text.name(`the ${descriptions[at + 1]!}`, [at + 1]);
    }
    text.say(".");
  }
  return text.end();
}

/** Each thing with its place and, from the second on, its neighbor. */
function moreDetailed(
  objects: readonly SceneObject[],
  descriptions: readonly string[],
  size: ImageSize,
): SaidText {
  const text = createText("more_detailed");
  const count = COUNTS[objects.length] ?? String(objects.length);
  const things = objects.length === 1 ? "thing" : "things";
  text.name(`${count} ${things}`, [...objects.keys()]);
  text.say(objects.length === 1 ? " is here." : " are here.");
  for (const [at, object] of objects.entries()) {
    text.say(" ");
    text.name(`the ${descriptions[at]!}`, [at]);
    text.say(` is ${placeIn(object, size)}`);
    if (at > 0) {
      text.say(`, ${relation(object, objects[at - 1]!)} `);
      text.name(`the ${descriptions[at - 1]!}`, [at - 1]);
    }
    text.say(".");
  }
  return text.end();
}

/**
 * A phrase that fits one thing only, without an article: by its name, its
 * color, or its place among those of its kind.
 */
function describe(index: number, objects: readonly SceneObject[]): string {
  const { name, color } = objects[index]!;
  const kind = [...objects.keys()].filter((at) => objects[at]!.name === name);
  if (kind.length === 1) return colored(objects[index]!);
  const ofColor = kind.filter((at) => objects[at]!.color === color);
  if (color !== null && ofColor.length === 1) return `${color} ${name}`;
  const fromLeft = kind.toSorted(
    (a, b) => middleOf(objects[a]!).x - middleOf(objects[b]!).x,
  );
  const place = fromLeft.indexOf(index);
  if (place === 0) return `leftmost ${name}`;
  if (place === kind.length - 1) return `rightmost ${name}`;
  const order = ["second", "third", "fourth", "fifth"][place - 1] ?? "next";
  return `${order} ${name} from the left`;
}

/** Where the first of two things is, seen from the second. */
function relation(one: SceneObject, other: SceneObject): string {
  const a = middleOf(one);
  const b = middleOf(other);
  const [across, down] = [b.x - a.x, b.y - a.y];
  if (Math.abs(across) >= Math.abs(down))
    return across >= 0 ? "to the left of" : "to the right of";
  return down >= 0 ? "above" : "below";
}

/** A ninth of the scene in words. */
function placeIn(object: SceneObject, { width, height }: ImageSize): string {
  const { x, y } = middleOf(object);
  const across = x < width / 3 ? "left" : x < (2 * width) / 3 ? "" : "right";
  const down = y < height / 3 ? "upper" : y < (2 * height) / 3 ? "" : "lower";
  if (across === "" && down === "") return "in the middle";
  if (across === "") return down === "upper" ? "at the top" : "at the bottom";
  return down === "" ? `on the ${across}` : `in the ${down} ${across}`;
}

function middleOf({ box }: SceneObject): {
  readonly x: number;
  readonly y: number;
} {
  return { x: (box.x_min + box.x_max) / 2, y: (box.y_min + box.y_max) / 2 };
}

function colored({ name, color }: SceneObject): string {
  // `orange orange`
  return color === null || name.includes(color) ? name : `${color} ${name}`;
}

function withArticle(phrase: string): string {
  return `${/^[aeiou]/u.test(phrase) ? "an" : "a"} ${phrase}`;
}

function plural(name: string): string {
  const irregular: Readonly<Record<string, string>> = {
    person: "people",
    man: "men",
    woman: "women",
    child: "children",
    sheep: "sheep",
    mouse: "mice",
    knife: "knives",
    goose: "geese",
    scissors: "scissors",
    skis: "skis",
  };
  const words = name.split(" ");
  const last = words.pop()!;
  return [...words, irregular[last] ?? regularPlural(last)].join(" ");
}

function regularPlural(noun: string): string {
  if (/(?:s|x|z|ch|sh)$/u.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/u.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

function separator(at: number, count: number): string {
  if (at === 0) return "";
  return at === count - 1 ? " and " : ", ";
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
