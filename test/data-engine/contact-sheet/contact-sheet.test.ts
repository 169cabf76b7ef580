import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { writeContactSheet } from "../../../src/data-engine/contact-sheet/contact-sheet.ts";
import {
  DETECTOR,
  HUMAN,
  caption,
  object,
  record,
  triplet,
} from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("draws what was kept and what was taken out on a page of its own", async (t) => {
  const folder = await temporaryFolder(t);
  const text = 'a <script>alert("dog")</script> & a dog';
  const bad = object(DETECTOR, "cat <b>", [10, 10, 60, 60], 0.1);
  const lines = [
    record(
      "surfer.jpg",
      [
        object(DETECTOR, "person", [100, 50, 200, 150]),
        caption(HUMAN, text),
        triplet(HUMAN, text, "a dog", [0, 0, 9, 9]),
      ],
      {
        removed: [{ annotation: bad, reason: "low_score", detail: "0.1" }],
        dropped: { reason: "near_duplicate", detail: "looks like b.webp" },
      },
    ),
    {
      photo: { path: "broken.jpg", bytes: 3 },
      problem: { code: "image_undecodable", detail: "cut off" },
    },
  ];
  const records = join(folder, "kept.jsonl");
  await writeFile(
    records,
    lines.map((one) => `${JSON.stringify(one)}\n`).join(""),
  );
  const out = join(folder, "sheet.html");
  const shown = await writeContactSheet({
    ...{ records, out, photos: "examples/photos", limit: 10 },
    signal: new AbortController().signal,
  });
  assert.equal(shown, 2);
  const page = await readFile(out, "utf8");
  assert.ok(!page.includes("<script"), "what photos say is text");
  assert.ok(!page.includes("cat <b>"));
  // Nothing is asked of anywhere: pictures are in the page.
  const addresses = [...page.matchAll(/(?:src|href)="([^"]{0,30})/gu)];
  assert.equal(addresses.length, 1);
  assert.ok(addresses[0]![1]!.startsWith("data:image/webp;base64,"));
  assert.ok(!/url\(|@import|<link|<iframe/u.test(page));
  assert.match(page, /<summary>1 taken out: low_score 1<\/summary>/u);
  assert.match(page, /<b>low_score<\/b> cat &lt;b&gt;: 0\.1/u);
  assert.match(page, /<mark[^>]*>a dog<\/mark>/u);
  assert.match(page, /near_duplicate: looks like b\.webp/u);
  assert.match(page, /broken\.jpg.*undecodable: cut off/u);
});
