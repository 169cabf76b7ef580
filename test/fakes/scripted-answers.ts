// What a model of all 15 tasks would say of a street with a van: for tests that
// look at the shape of each answer, not at its truth.

import type { Script } from "./fake-model.ts";

const BOX = "<loc_100><loc_200><loc_500><loc_600>";
const OTHER_BOX = "<loc_600><loc_100><loc_900><loc_400>";
const OUTLINE =
  "<loc_100><loc_200><loc_500><loc_200><loc_500><loc_600><loc_100><loc_600>";

/** Beginnings or parts of prompts, the most telling first. */
const ANSWERS: readonly (readonly [part: string, answer: string])[] = [
  ["What does the image describe?", "a blue van in a street"],
  ["Describe in detail", "A blue van stands in a street. A sign is near it."],
  ["Describe with a paragraph", "A blue van stands in a street by a wall."],
  ["with category name", `van${BOX}sign${OTHER_BOX}`],
  [
    "with their descriptions",
    `blue van by a wall${BOX}street sign${OTHER_BOX}`,
  ],
  ["region proposals", BOX + OTHER_BOX],
  ["phrases in the caption", `A blue van${BOX}`],
  ["with mask", OUTLINE],
  ["polygon mask", OUTLINE],
  ["with regions", `TOWN HALL${OUTLINE}9:00 AM${OUTLINE}`],
  ["text in the image", "TOWN HALL\n9:00 AM"],
  ["What text is in the region", "BX 204"],
  ["What does the region", "small blue van"],
  ["What is the region", "van"],
  ["Locate", `van${BOX}`],
];

/** Answers every task. */
export const STREET: Script = (prompt) =>
  ANSWERS.find(([part]) => prompt.includes(part))?.[1] ?? "";

const quad = (x1: number, y1: number, x2: number, y2: number): string =>
  [x1, y1, x2, y1, x2, y2, x1, y2].map((bin) => `<loc_${bin}>`).join("");

/** Reads a receipt, names and prices apart; finds no objects. */
export const RECEIPT: Script = (prompt) =>
  prompt.includes("with regions")
    ? [
        `1,29${quad(700, 210, 800, 240)}`,
        `CORNER SHOP${quad(200, 100, 700, 140)}`,
        `Milk${quad(100, 200, 300, 240)}`,
        `Bread${quad(100, 300, 320, 340)}`,
        `2.50${quad(700, 306, 800, 345)}`,
        `Discount${quad(100, 400, 400, 440)}`,
        `-0.30${quad(690, 404, 800, 440)}`,
        `TOTAL 3.49${quad(100, 500, 800, 560)}`,
      ].join("")
    : "";

/** Finds five persons. */
export const CROWD: Script = () =>
  `person${[0, 200, 400, 600, 800]
    .map((x) => `<loc_${x}><loc_100><loc_${x + 150}><loc_900>`)
    .join("")}`;
