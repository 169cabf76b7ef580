import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { maskOfOutline } from "../../../src/evaluate/data/item.ts";
import { EvaluationLine } from "../../../src/evaluate/data/own-jsonl.ts";
import { readData } from "../../../src/evaluate/data/read-data.ts";
import { maskArea } from "../../../src/evaluate/metrics/masks.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { jsonSchemaOf } from "../../../src/shared/schema/json-schema.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "florence-data-"));
after(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | object): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 1); // prettier-ignore
  writeFileSync(path, text);
  return path;
}

async function refusal(...paths: string[]): Promise<string> {
  try {
    await readData(paths);
  } catch (error) {
    assert.ok(isFlorenceError(error), String(error));
    return error.message;
  }
  return assert.fail("it was taken");
}

const box = { x_min: 1, y_min: 2, x_max: 5, y_max: 8 };

const instances = {
  images: [
    { id: 7, file_name: "a.jpg", width: 20, height: 10 },
    { id: 8, file_name: "b.jpg", width: 20, height: 10 },
  ],
  annotations: [
    { id: 1, image_id: 7, category_id: 3, bbox: [1, 2, 4, 6], area: 20, iscrowd: 0, segmentation: [[1, 2, 5, 2, 5, 8, 1, 8]] }, // prettier-ignore
    { id: 2, image_id: 7, category_id: 3, bbox: [0, 0, 20, 10], area: 60, iscrowd: 1, segmentation: { size: [10, 20], counts: [140, 60] } }, // prettier-ignore
  ],
  categories: [{ id: 3, name: "dog" }],
};
const captions = {
  images: instances.images,
  annotations: [{ id: 1, image_id: 8, caption: "A dog." }],
};

test("reads COCO's instances and captions as one set of photos", async () => {
  const paths = [file("instances.json", instances), file("captions.json", captions)]; // prettier-ignore
  const data = await readData(paths);
  assert.deepEqual(data.formats, ["coco-instances", "coco-captions"]);
  const [a, b] = data.items;
  assert.deepEqual(a?.objects?.map(({ label, box: at, area, isCrowd }) => ({ label, at, area, isCrowd })), [
    { label: "dog", at: box, area: 20, isCrowd: false },
    { label: "dog", at: { x_min: 0, y_min: 0, x_max: 20, y_max: 10 }, area: 60, isCrowd: true },
  ]); // prettier-ignore
  const areas = a.objects.map(({ outline }) => maskArea(maskOfOutline(outline!, { width: 20, height: 10 }))); // prettier-ignore
  assert.deepEqual(areas, [24, 60]);
  assert.deepEqual(b?.objects, []);
  assert.deepEqual(b.captions, ["A dog."]);
  assert.match(data.sha256, /^[0-9a-f]{64}$/u);
});

test("says in which line of a COCO file something is wrong", async () => {
  const broken = structuredClone(instances);
  broken.annotations[1]!.image_id = 9;
  assert.match(
    await refusal(file("image.json", broken)),
    /image\.json, line \d+: annotations\/1\/image_id: no image has the id 9/u,
  );
  const line = JSON.stringify(broken, null, 1).split("\n").findIndex((text) => text.includes("9,")) + 1; // prettier-ignore
  assert.match(await refusal(file("image.json", broken)), new RegExp(`line ${line}:`, "u")); // prettier-ignore

  const runs = structuredClone(instances);
  runs.annotations[1]!.segmentation = { size: [10, 20], counts: [140, 61] };
  assert.match(await refusal(file("runs.json", runs)), /run lengths are not of an image of 20 by 10/u); // prettier-ignore

  const missing: Partial<typeof instances> = structuredClone(instances);
  Reflect.deleteProperty(missing.annotations![0]!, "bbox");
  assert.match(await refusal(file("bbox.json", missing)), /bbox\.json, line \d+: annotations\/0/u); // prettier-ignore
  assert.match(await refusal(file("cut.json", '{"images": [\n{"id": 1')), /cut\.json, line 2: this is no JSON/u); // prettier-ignore
});

test("reads RefCOCO as its script writes it from the pickle", async () => {
  const pickle = join(folder, "refcoco");
  mkdirSync(pickle);
  writeFileSync(join(pickle, "instances.json"), JSON.stringify(instances));
  const make = spawnSync("python3", ["-c", `
import pickle
refs = [{"split": "val", "image_id": 7, "ann_id": 1, "ref_id": 0, "sentences": [{"sent": "left dog", "raw": "Left dog"}, {"sent": "dog", "raw": "dog"}]}, {"split": "train", "image_id": 8, "ann_id": 2, "ref_id": 1, "sentences": []}]
pickle.dump(refs, open(${JSON.stringify(join(pickle, "refs(unc).p"))}, "wb"))
`]); // prettier-ignore
  assert.equal(make.status, 0, String(make.stderr));
  const script = join(ROOT, "src/evaluate/scripts/refcoco_to_json.py");
  const run = spawnSync("python3", [script, pickle, "refs(unc).p", "val"], { encoding: "utf8" }); // prettier-ignore
  assert.equal(run.status, 0, run.stderr);
  const { items, formats } = await readData([file("refcoco-val.json", run.stdout)]); // prettier-ignore
  assert.deepEqual(formats, ["refcoco"]);
  assert.equal(items.length, 1);
  assert.deepEqual(items[0]?.referring.map(({ phrase, box: at }) => [phrase, at]), [["left dog", box], ["dog", box]]); // prettier-ignore
});

test("reads TextVQA", async () => {
  const data = { dataset_name: "textvqa", data: [{ image_id: "x", question: "what?", answers: ["a", "b"] }, { image_id: "x", question: "who?" }] }; // prettier-ignore
  const { items } = await readData([file("textvqa.json", data)]);
  assert.deepEqual(items[0]?.questions, [{ question: "what?", answers: ["a", "b"] }, { question: "who?", answers: [] }]); // prettier-ignore
});

test("reads Flickr30k Entities: phrases, where they stand, their boxes", async () => {
  file("flickr/Sentences/36979.txt", "[/EN#1/people A man] with [/EN#2/other a hat] smiles .\n[/EN#3/scene Outside] .\n"); // prettier-ignore
  const xml = (body: string): string => `<annotation><size><width>50</width><height>40</height><depth>3</depth></size>${body}</annotation>`; // prettier-ignore
  const object = (name: string): string => `<object><name>${name}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>8</ymax></bndbox></object>`; // prettier-ignore
  file("flickr/Annotations/36979.xml", xml(`${object("1")}${object("2")}${object("2")}<object><name>3</name><scene>1</scene><nobndbox>0</nobndbox></object>`)); // prettier-ignore
  const { items } = await readData([join(folder, "flickr")]);
  assert.deepEqual(items[0]?.size, { width: 50, height: 40 });
  assert.deepEqual(items[0].captions, [
    "A man with a hat smiles .",
    "Outside .",
  ]);
  assert.deepEqual(items[0].groundedCaptions, [
    { caption: "A man with a hat smiles .", phrases: [{ phrase: "A man", span: [0, 5], boxes: [box] }, { phrase: "a hat", span: [11, 16], boxes: [box, box] }] },
  ]); // prettier-ignore

  file("flickr/Annotations/36979.xml", xml("<object>\n<name>1</nam></object>")); // prettier-ignore
  assert.match(await refusal(join(folder, "flickr")), /36979\.xml, line 2: this is no XML/u); // prettier-ignore
});

test("reads ICDAR's and SROIE's lines, commas and all", async () => {
  file("icdar/gt_img_1.txt", "\uFEFF1,2,5,2,5,8,1,8,TOTAL, RM 5\r\n1,2,5,2,5,8,1,8,###\r\n"); // prettier-ignore
  const { items } = await readData([join(folder, "icdar")]);
  assert.equal(items[0]?.image, "img_1");
  assert.deepEqual(items[0].lines?.map(({ text, isIgnored }) => [text, isIgnored]), [["TOTAL, RM 5", false], ["###", true]]); // prettier-ignore
  file("icdar/gt_img_1.txt", "1,2,5,2,5,8,1,8,ok\n\n1,2,3,hello\n");
  assert.match(await refusal(join(folder, "icdar")), /gt_img_1\.txt, line 3: a line is x1,y1/u); // prettier-ignore
});

test("reads our own lines, in pixels or fractions", async () => {
  const line = { image: "a.jpg", width: 20, height: 10, coordinates: "normalized", objects: [{ label: "dog", box: { x_min: 0.1, y_min: 0.2, x_max: 0.5, y_max: 0.8 }, polygons: [[[0, 0], [1, 0], [1, 1]]] }], grounded_captions: [{ caption: "a dog", phrases: [{ phrase: "dog", boxes: [box] }] }] }; // prettier-ignore
  const { items } = await readData([file("own.jsonl", `${JSON.stringify(line)}\n`)]); // prettier-ignore
  assert.deepEqual(items[0]?.objects?.[0]?.box, { x_min: 2, y_min: 2, x_max: 10, y_max: 8 }); // prettier-ignore
  assert.deepEqual(items[0].objects[0].outline, { rings: [[0, 0, 20, 0, 20, 10]] }); // prettier-ignore
  assert.deepEqual(items[0].groundedCaptions[0]?.phrases[0]?.span, [2, 5]);
});

test("names the line of our own form that is wrong, and half-written ones", async () => {
  const good = '{"image":"a.jpg"}';
  assert.match(await refusal(file("half.jsonl", `${good}\n{"image":"b.j`)), /half\.jsonl, line 2: the last line is half-written/u); // prettier-ignore
  assert.match(await refusal(file("bad.jsonl", `${good}\nnothing\n${good}\n`)), /bad\.jsonl, line 2: this is no JSON: nothing/u); // prettier-ignore
  assert.match(await refusal(file("field.jsonl", `${good}\n\n{"image":"b","objekts":[]}\n`)), /field\.jsonl, line 3: \/objekts: unknown field/u); // prettier-ignore
  const flipped = { image: "b", objects: [{ label: "x", box: { x_min: 5, y_min: 0, x_max: 1, y_max: 2 } }] }; // prettier-ignore
  assert.match(await refusal(file("flip.jsonl", JSON.stringify(flipped))), /flip\.jsonl, line 1: \/objects\/0\/box: x_min must be below x_max/u); // prettier-ignore
  assert.match(await refusal(file("unit.jsonl", '{"image":"b","coordinates":"normalized"}')), /normalized coordinates need width and height/u); // prettier-ignore
  const phrase = { image: "b", grounded_captions: [{ caption: "a cat", phrases: [{ phrase: "dog", boxes: [box] }] }] }; // prettier-ignore
  assert.match(await refusal(file("phrase.jsonl", JSON.stringify(phrase))), /"dog" is not in its caption/u); // prettier-ignore
});

test("reads the data engine's records: the last line of a photo holds", async () => {
  const record = (text: string, more: object = {}): string =>
    JSON.stringify({ photo: { path: "a.jpg", width: 9, height: 9 }, annotations: [{ kind: "text", level: "brief", text, id: "x", score: null }, { kind: "region_text", about: "object", text: "dog", region: { box } }], ...more }); // prettier-ignore
  const path = file("records.jsonl", `${record("old")}\n${record("new")}\n`);
  const { items, formats } = await readData([path]);
  assert.deepEqual(formats, ["data-engine"]);
  assert.deepEqual(items.map((item) => item.captions), [["new"]]); // prettier-ignore
  assert.equal(items[0]?.objects?.[0]?.label, "dog");
  const dropped = file("dropped.jsonl", record("x", { dropped: { reason: "low_score", detail: "" } })); // prettier-ignore
  assert.match(await refusal(dropped), /there is no photo in it/u);
});

test("refuses what it does not know, and the same objects twice", async () => {
  assert.match(await refusal(file("other.json", { hello: 1 })), /none of the forms/u); // prettier-ignore
  assert.match(await refusal(join(folder, "absent.jsonl")), /There is no/u);
  const path = file("instances.json", instances);
  assert.match(await refusal(path, path), /objects of a\.jpg are told twice/u);
});

test("the published schema of a line is that of the reader", () => {
  const path = join(ROOT, "docs/evaluate-item.schema.json");
  const published = JSON.parse(readFileSync(path, "utf8")) as unknown;
  assert.deepEqual(published, jsonSchemaOf(EvaluationLine));
});
