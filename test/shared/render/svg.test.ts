import assert from "node:assert/strict";
import { test } from "node:test";
import { rasterizeSvg } from "../../../src/node/rasterize.ts";
import type { Box, Point } from "../../../src/shared/geometry.ts";
import { escapeXml } from "../../../src/shared/render/escape-xml.ts";
import type { DrawableResult } from "../../../src/shared/render/marks.ts";
import { renderSvg } from "../../../src/shared/render/svg.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";
import { seededRandom } from "./seeded-random.ts";

const VAN: Box = { x_min: 64, y_min: 48, x_max: 320, y_max: 240 };

function detected(label: string, box: Box = VAN): DrawableResult {
  return {
    id: "t0",
    task: "detect",
    objects: [{ id: "o0", label, score: 0.86, box }],
  };
}

/** Everything between the quotes of an attribute, once per element. */
function attributes(svg: string, element: string, name: string): string[] {
  const pattern = new RegExp(`<${element}\\b[^>]*? ${name}="([^"]*)"`, "gu");
  return [...svg.matchAll(pattern)].map((match) => match[1]!);
}

/** A real XML parser reads it: resvg refuses what is not well-formed. */
async function assertWellFormed(svg: string, width = 32): Promise<void> {
  const png = await rasterizeSvg(svg, width);
  assert.equal(Buffer.from(png.subarray(1, 4)).toString(), "PNG");
}

test("draws a box as an outline, with its label and score in a tag", async () => {
  const size = { width: 640, height: 480 };
  const svg = renderSvg([detected("van")], size);
  await assertWellFormed(svg);
  assert.match(
    svg,
    /^<svg [^>]*width="640" height="480" viewBox="0 0 640 480"/u,
  );
  assert.match(svg, /d="M64 48L320 48L320 240L64 240Z"/u);
  assert.match(svg, />van <tspan[^>]*>0\.86<\/tspan>/u);
  assert.match(svg, /data-result="t0" data-id="o0" data-kind="box"/u);
});

test("gives an empty but valid overlay where nothing has a place", async () => {
  const size = { width: 50, height: 50 };
  for (const results of [[], [{ task: "caption", text: "A <van>." }]]) {
    const svg = renderSvg(results, size);
    await assertWellFormed(svg);
    assert.doesNotMatch(svg, /<(?:path|text|rect)/u);
  }
});

test("escapes whatever a label holds", async () => {
  const hostile = [
    `"><script>alert(1)</script>`,
    "</title></svg><img src=x onerror=alert(1)>",
    "a ' & b ]]> <!-- c",
    "nul \0 bell \u0007 escape \u001b[31m half \ud800 noncharacter \uffff",
  ];
  for (const label of hostile) {
    const svg = renderSvg([detected(label)], { width: 640, height: 480 });
    await assertWellFormed(svg);
    assert.doesNotMatch(svg, /<script|<img|onerror="|<!--/u);
    assert.doesNotMatch(svg, /[\0\u0007\u001b\uffff]/u);
  }
  assert.equal(escapeXml(`<a b='"'>&`), "&lt;a b=&#39;&quot;&#39;&gt;&amp;");
});

test("looks the same from 50 to 16,000 pixels", () => {
  const shares = [50, 640, 4000, 16_000].map((side) => {
    const scale = side / 640;
    const box = {
      x_min: VAN.x_min * scale,
      y_min: VAN.y_min * scale,
      x_max: VAN.x_max * scale,
      y_max: VAN.y_max * scale,
    };
    const size = { width: side, height: side };
    const svg = renderSvg([detected("van", box)], size);
    const [font = ""] = attributes(svg, "g", "font-size");
    const [, stroke = ""] = attributes(svg, "path", "stroke-width");
    return { font: Number(font) / side, stroke: Number(stroke) / side };
  });
  for (const { font, stroke } of shares) {
    // Coordinates are written with four digits of the side: 1e-4 of it.
    assert.ok(Math.abs(font - 0.03) < 1e-4, String(font));
    assert.ok(Math.abs(stroke - 0.0048) < 1e-4, String(stroke));
  }
});

test("keeps the tags of panoramas and columns inside the picture", () => {
  for (const [width, height] of [
    [16_000, 50],
    [50, 16_000],
    [16_000, 16_000],
    [51, 50],
  ] as const) {
    const corner = {
      x_min: width - 2,
      y_min: height - 2,
      x_max: width,
      y_max: height,
    };
    const label = "a very long description of very little";
    const svg = renderSvg([detected(label, corner)], { width, height });
    for (const tag of tagBoxes(svg)) {
      assert.ok(tag.x_min >= 0 && tag.y_min >= 0);
      // A last digit may be rounded up.
      assert.ok(tag.x_max <= width + 0.2 && tag.y_max <= height + 0.2);
    }
  }
});

test("keeps tags off each other as long as there is room", () => {
  const objects = Array.from({ length: 12 }, (_, index) => ({
    id: `o${index}`,
    label: "person",
    score: 0.5,
    box: { x_min: 200, y_min: 200, x_max: 260 + index, y_max: 300 },
  }));
  const results = [{ id: "t0", task: "detect", objects }];
  const svg = renderSvg(results, { width: 1000, height: 800 });
  const tags = tagBoxes(svg);
  assert.equal(tags.length, 12);
  assert.match(svg, /<line /u, "those pushed away are joined by a line");
  for (const [index, a] of tags.entries()) {
    for (const b of tags.slice(index + 1)) {
      // Tags may touch; rounding lets them share 0.02 pixels.
      const isApart =
        a.x_max <= b.x_min + 0.02 ||
        b.x_max <= a.x_min + 0.02 ||
        a.y_max <= b.y_min + 0.02 ||
        b.y_max <= a.y_min + 0.02;
      assert.ok(isApart, JSON.stringify([a, b]));
    }
  }
});

test("shortens a long label, and keeps it whole in the title", () => {
  const label = "a dog that has been waiting for its owner beside a red door";
  const svg = renderSvg([detected(label)], { width: 640, height: 480 });
  assert.ok(svg.includes(`<title>${label} 0.86</title>`));
  assert.match(svg, /<text [^>]*>a dog that has been [^<]*…/u);
});

test("draws quads, polygons with holes left open, and ids of proposals", async () => {
  const ring: Point[] = [
    [10, 10],
    [90, 20],
    [80, 90],
  ];
  const svg = renderSvg(
    [
      {
        task: "ocr",
        lines: [{ id: "l0", text: "Hall", quad: [...ring, [9, 80]] }],
      },
      {
        task: "segment",
        segments: [
          { id: "s0", phrase: "hat", polygons: [ring], closed: false },
        ],
      },
      { task: "propose", objects: [{ id: "o7", score: 0.4, box: VAN }] },
    ],
    { width: 640, height: 480 },
  );
  await assertWellFormed(svg);
  assert.match(svg, /data-kind="quad"[^/]*<title>Hall/u);
  assert.match(svg, /d="M10 10L90 20L80 90"/u);
  assert.match(svg, /<text [^>]*>o7 /u);
});

test("takes the places of regions from the request", () => {
  const results = [
    {
      id: "t0",
      task: "describe_regions",
      regions: [{ id: "r1", text: "a door", score: 0.5 }],
    },
  ];
  const size = { width: 640, height: 480 };
  assert.doesNotMatch(renderSvg(results, size), /<path/u);
  const requests = [{ task: "describe_regions", regions: [{ box: VAN }] }];
  const svg = renderSvg(results, size, { requests });
  assert.match(svg, /<text [^>]*>r1 a door /u);
  assert.match(svg, /d="M64 48/u);
});

test("writes the tags of small lines of text smaller", () => {
  const size = { width: 1000, height: 1000 };
  const fontFor = (height: number): number => {
    const quad: Point[] = [
      [100, 100],
      [400, 100],
      [400, 100 + height],
      [100, 100 + height],
    ];
    const lines = [{ id: "l0", text: "Hall", quad }];
    const svg = renderSvg([{ task: "ocr", lines }], size);
    return Number(attributes(svg, "g", "font-size")[0]);
  };
  assert.deepEqual([5, 20, 200].map(fontFor), [18, 20, 30]);
});

test("reads normalized coordinates as fractions of the sides", () => {
  const box = { x_min: 0.1, y_min: 0.1, x_max: 0.5, y_max: 0.5 };
  const svg = renderSvg(
    [detected("van", box)],
    { width: 640, height: 480 },
    { coordinates: "normalized" },
  );
  assert.match(svg, /d="M64 48L320 48L320 240L64 240Z"/u);
});

test("embeds the photo under the overlay", () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
  const svg = renderSvg(
    [detected("van")],
    { width: 640, height: 480 },
    { background: { mediaType: "image/jpeg", bytes } },
  );
  const [uri = ""] = attributes(svg, "image", "href");
  assert.equal(
    uri,
    `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`,
  );
  assert.ok(svg.indexOf("<image") < svg.indexOf("<path"));
});

test("draws every region task's example where it says", () => {
  const size = { width: 640, height: 480 };
  for (const { example } of TASKS) {
    if (!("regions" in example)) continue;
    const regions = [{ id: "r0", text: "x", label: "x", score: 1 }];
    const svg = renderSvg([{ task: example.task, regions }], size, {
      requests: [example],
    });
    assert.match(svg, /d="M34 160L597 160L597 372L34 372Z"/u);
  }
});

test("draws any payload without a crash, in bounds and well-formed", async () => {
  const random = seededRandom(7);
  const value = (side: number): number => {
    const odd = [NaN, Infinity, -Infinity, -5, side * 3, 0, side];
    return random() < 0.1
      ? odd[Math.floor(random() * odd.length)]!
      : random() * side;
  };
  const text = (): string =>
    String.fromCharCode(
      ...Array.from({ length: Math.floor(random() * 40) }, () =>
        Math.floor(random() * 0xffff),
      ),
    );
  for (let round = 0; round < 300; round += 1) {
    const width = Math.ceil(random() ** 3 * 16_000);
    const height = Math.ceil(random() ** 3 * 16_000);
    const point = (): Point => [value(width), value(height)];
    const points = (): Point[] =>
      Array.from({ length: Math.floor(random() * 6) }, point);
    const items = Array.from(
      { length: Math.floor(random() * 25) },
      (_, index) => ({
        id: `o${index}`,
        label: text(),
        score: value(1),
        ...(random() < 0.5 && {
          box: {
            x_min: value(width),
            y_min: value(height),
            x_max: value(width),
            y_max: value(height),
          },
        }),
        ...(random() < 0.3 && { quad: points() }),
        ...(random() < 0.3 && { polygons: [points(), points()] }),
      }),
    );
    const half = items.length / 2;
    const results = [
      { task: "detect", objects: items.slice(0, half) },
      { task: "ocr", lines: items.slice(half) },
    ];
    const svg = renderSvg(results, { width, height });
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/u);
    for (const path of attributes(svg, "path", "d")) {
      for (const [, x, y] of path.matchAll(/([-\d.e]+) ([-\d.e]+)/gu)) {
        assert.ok(Number(x) >= 0 && Number(x) <= width + 1e-9);
        assert.ok(Number(y) >= 0 && Number(y) <= height + 1e-9);
      }
    }
    // Wide enough for a row of pixels.
    const drawn = Math.max(32, Math.ceil(width / height));
    if (round % 5 === 0) await assertWellFormed(svg, drawn);
  }
});

function tagBoxes(svg: string): Box[] {
  const of = (name: string) => attributes(svg, "rect", name).map(Number);
  const [x, y, width, height] = ["x", "y", "width", "height"].map(of);
  return x!.map((left, index) => ({
    x_min: left,
    y_min: y![index]!,
    x_max: left + width![index]!,
    y_max: y![index]! + height![index]!,
  }));
}
