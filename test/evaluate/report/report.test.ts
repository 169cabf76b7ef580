import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { reliability } from "../../../src/evaluate/metrics/calibration-error.ts"; // prettier-ignore
import { drawCase } from "../../../src/evaluate/report/draw-case.ts";
import { number, page, range, table } from "../../../src/evaluate/report/page.ts"; // prettier-ignore
import { reliabilityPlot } from "../../../src/evaluate/report/reliability-plot.ts"; // prettier-ignore
import { blankItem } from "../../../src/evaluate/data/item.ts";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";

const EVIL = `<script>alert("x")</script>`;

test("text in tables is escaped, html is not", () => {
  const html = table(["a", EVIL], [[EVIL, { html: "<b>1</b>" }]]);
  assert.ok(!html.includes("<script"));
  assert.ok(html.includes('<td class="left">&lt;script&gt;'));
  assert.ok(html.includes("<td><b>1</b></td>"));
  assert.ok(!page(EVIL, []).includes("<script"));
});

test("numbers have three digits, missing ones a dash", () => {
  assert.deepEqual([number(0.12345), number(null)], ["0.123", "–"]);
  assert.deepEqual([range(0.1, 0.25), range(null, 1)], ["0.100 to 0.250", "–"]); // prettier-ignore
});

test("a bar of the plot stands as high as the share that is right", () => {
  const bins = reliability([{ score: 0.95, isRight: true }, { score: 0.9, isRight: false }], 2); // prettier-ignore
  const svg = reliabilityPlot(bins, 0.425);
  // Half of 240 px, on the right half.
  assert.match(svg, /<rect x="154" y="128" width="119" height="120"/u);
  assert.equal(svg.match(/<rect/gu)?.length, 2); // the frame and one bar
  assert.ok(svg.includes("2 answers with scores from 0.50 to 1.00"));
});

test("a case shows photo, both kinds of shapes at their places, and both texts", async () => {
  const size = { width: 512, height: 340 };
  const square = (label: string, at: number) => ({ label, points: [[at, at], [at + 160, at], [at + 160, at + 160], [at, at + 160]] as [number, number][] }); // prettier-ignore
  const figure = await drawCase(
    {
      answered: { item: blankItem(EVIL, "surfer", size), size, results: new Map() },
      quality: 0.5,
      truth: ["a surfer"],
      answer: [EVIL],
      trueShapes: [square("person", 0)],
      answeredShapes: [square(EVIL, 16)],
    },
    { codecs: await loadImageCodecs(), images: join(import.meta.dirname, "../../../examples/photos") },
  ); // prettier-ignore
  assert.ok(!figure.includes("<script"));
  // 512 px are drawn as 320.
  assert.ok(figure.includes('d="M0.0 0.0L100.0 0.0L100.0 100.0L0.0 100.0Z"'));
  assert.ok(figure.includes('d="M10.0 10.0L110.0 10.0L110.0 110.0L10.0 110.0Z"')); // prettier-ignore
  assert.match(figure, /href="data:image\/webp;base64,UklGR/u);
  assert.ok(figure.includes("true: a surfer"));
});
