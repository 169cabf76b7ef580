// What the Florence-2 paper reports of its own models, row by row.
//
// Source: arXiv 2311.06242, tables 4 (zero-shot), 5 and 6 (fine-tuned
// generalists); the same numbers stand in the models' cards (microsoft/
// Florence-2-large). Percent; CIDEr times 100.

/** The models the tables are of, in their order. */
export const PAPER_MODELS = ["base", "large", "base-ft", "large-ft"] as const;

/** One benchmark. */
export interface PaperRow {
  /** What a run's data is called to stand in this row. */
  readonly id: string;
  readonly benchmark: string;
  /** Measure and figure of ours that it is. */
  readonly measure: string;
  readonly figure: string;
  readonly title: string;
  /** One for each of `PAPER_MODELS`; null where the paper has none. */
  readonly values: readonly [
    number | null,
    number | null,
    number | null,
    number | null,
  ];
}

const cider = { measure: "captioning", figure: "CIDEr", title: "CIDEr" };
const vqa = { measure: "answering", figure: "accuracy", title: "VQA accuracy" };
const ap = { measure: "detecting", figure: "AP", title: "mAP" };
const recall = { measure: "grounding", figure: "R@1 any-box", title: "R@1" };
const accuracy = { measure: "referring", figure: "accuracy", title: "accuracy@0.5" }; // prettier-ignore
const iou = { measure: "referring-segmentation", figure: "mIoU", title: "mIoU" }; // prettier-ignore

/** All rows, grouped by what is measured. */
export const PAPER_ROWS: readonly PaperRow[] = [
  { id: "coco-caption", benchmark: "COCO caption, Karpathy test", ...cider, values: [133.0, 135.6, 140.0, 143.3] },
  { id: "nocaps", benchmark: "NoCaps val", ...cider, values: [118.7, 120.8, 116.7, 124.9] },
  { id: "textcaps", benchmark: "TextCaps val", ...cider, values: [70.1, 72.8, 143.9, 151.1] },
  { id: "vqav2", benchmark: "VQAv2 test-dev", ...vqa, values: [null, null, 79.7, 81.7] },
  { id: "textvqa", benchmark: "TextVQA test-dev", ...vqa, values: [null, null, 63.6, 73.5] },
  { id: "vizwiz", benchmark: "VizWiz VQA test-dev", ...vqa, values: [null, null, 63.6, 72.6] },
  { id: "coco-detection", benchmark: "COCO detection, val2017", ...ap, values: [34.7, 37.5, 41.4, 43.4] },
  { id: "flickr30k", benchmark: "Flickr30k Entities test", ...recall, values: [83.6, 84.4, 84.0, 85.2] },
  { id: "refcoco-val", benchmark: "RefCOCO val", ...accuracy, values: [53.9, 56.3, 92.6, 93.4] },
  { id: "refcoco-testA", benchmark: "RefCOCO testA", ...accuracy, values: [58.4, 61.6, 94.8, 95.3] },
  { id: "refcoco-testB", benchmark: "RefCOCO testB", ...accuracy, values: [49.7, 51.4, 91.5, 92.0] },
  { id: "refcoco+-val", benchmark: "RefCOCO+ val", ...accuracy, values: [51.5, 53.6, 86.8, 88.3] },
  { id: "refcoco+-testA", benchmark: "RefCOCO+ testA", ...accuracy, values: [56.4, 57.9, 91.7, 92.9] },
  { id: "refcoco+-testB", benchmark: "RefCOCO+ testB", ...accuracy, values: [47.9, 49.9, 82.2, 83.6] },
  { id: "refcocog-val", benchmark: "RefCOCOg val", ...accuracy, values: [66.3, 68.0, 89.8, 91.2] },
  { id: "refcocog-test", benchmark: "RefCOCOg test", ...accuracy, values: [65.1, 67.0, 82.2, 91.7] },
  { id: "refcoco-res-val", benchmark: "RefCOCO segmentation val", ...iou, values: [34.6, 35.8, 78.0, 80.5] },
]; // prettier-ignore

/** What a reader of the numbers should know. */
export const PAPER_NOTES: readonly string[] = [
  "arXiv 2311.06242, tables 4 (base, large: zero-shot), 5 and 6 (base-ft, large-ft: fine-tuned generalists), the models' cards alike; percent, CIDEr times 100.",
  "The paper's text credits large-ft with other numbers in two places (CIDEr 140.0, TextVQA 81.5); these are its tables'. RefCOCOg test of base-ft, 82.2, looks like a slip but stands so in table and card.",
  "The paper states neither how boxes are ranked for mAP nor which protocol R@1 is; measured R@1 is any-box. Questions are answered by none of the 15 tasks.",
];
