// The 1,024 tokens Florence-2 adds to BART's 50,265, in the order of their ids.
// Source: the original `processing_florence2.py`, where the processor appends
// them at run time; "desciption" is spelled as the model knows it.

const WRAPPERS = [
  "cap",
  "ncap",
  "dcap",
  "grounding",
  "seg",
  "sep",
  "region_cap",
  "region_to_desciption",
  "proposal",
  "poly",
  "and",
];

/** Only an opening form exists of these. */
const SINGLE = new Set(["sep", "and"]);

/** `<od>`, `</od>`, `<ocr>`, `</ocr>`, `<loc_0>` to `<loc_999>`, and 20 more. */
export const FLORENCE_TOKENS: readonly string[] = [
  "<od>",
  "</od>",
  "<ocr>",
  "</ocr>",
  ...Array.from({ length: 1000 }, (_, bin) => `<loc_${bin}>`),
  ...WRAPPERS.flatMap((name) =>
    SINGLE.has(name) ? [`<${name}>`] : [`<${name}>`, `</${name}>`],
  ),
];
