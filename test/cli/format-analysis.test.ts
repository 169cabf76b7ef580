import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runFlorence } from "./run-florence.ts";

const BOAT = fileURLToPath(
  new URL("../golden/photos/boat.png", import.meta.url),
);

test("prints a table on a terminal", async () => {
  const { code, stdout } = await runFlorence(["analyze", BOAT], {
    isTTY: true,
  });
  assert.equal(code, 0);
  assert.match(stdout, /boat\.png {2}\d+ × \d+\n/u);
  assert.match(stdout, /\n {2}caption {11}a green boat {2}[01]\.\d\d\n/u);
  assert.match(stdout, /score +x_min +y_min +x_max +y_max\n/u);
  assert.match(
    stdout,
    /\n {2}detect .*\n {20}o0 {2}boat +[01]\.\d\d( +\d+){4}\n/u,
  );
});

test("keeps to the terminal's width", async () => {
  const script = (prompt: string) =>
    prompt.startsWith("Locate")
      ? `${"an endless label ".repeat(12)}<loc_1><loc_2><loc_3><loc_999>`
      : "a caption that does not end ".repeat(20);
  const { stdout } = await runFlorence(["analyze", BOAT], {
    isTTY: true,
    script,
  });
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(stdout, /an endless label/u);
});

test("lets no escape sequence of a model reach the terminal", async () => {
  const script = () =>
    "red \u001b[31m, title \u001b]0;x\u0007, bell \u0007, \u202eover";
  const { stdout } = await runFlorence(
    ["analyze", BOAT, "-t", "caption", "--raw"],
    { isTTY: true, script },
  );
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]/u);
});

test("colors on a terminal, but not where NO_COLOR is set", async () => {
  const colored = await runFlorence(["analyze", BOAT], {
    isTTY: true,
    env: { NO_COLOR: "" },
  });
  assert.ok(colored.stdout.includes("\u001b["));
  const plain = await runFlorence(["analyze", BOAT], { isTTY: true });
  assert.ok(!plain.stdout.includes("\u001b["));
  const piped = await runFlorence(["analyze", BOAT, "--json"], {
    env: { NO_COLOR: "" },
  });
  assert.ok(!piped.stdout.includes("\u001b["));
});

test("says what was not found, and what failed", async () => {
  const none = await runFlorence(["analyze", BOAT, "-t", "detect"], {
    isTTY: true,
    script: () => "",
  });
  assert.match(none.stdout, /nothing found/u);
  const failed = await runFlorence(["analyze", join(BOAT, "none.png")], {
    isTTY: true,
  });
  assert.match(failed.stdout, /failed +There is no file/u);
});

test("draws its progress on standard error only, and only for several", async () => {
  const many = await runFlorence(["analyze", BOAT, BOAT], { isTTY: true });
  assert.match(many.stderr, /0\/2 images/u);
  assert.doesNotMatch(many.stdout, /2 images/u);
  const one = await runFlorence(["analyze", BOAT], { isTTY: true });
  assert.equal(one.stderr, "");
  const piped = await runFlorence(["analyze", BOAT, BOAT]);
  assert.equal(piped.stderr, "");
});

test("names what was looked for in vain, and why", async () => {
  const { stdout } = await runFlorence(
    [
      "analyze",
      BOAT,
      ...["-t", "detect_open,ground", "--labels", "boat,zebra"],
      ...["--phrase", "a boat and a dog"],
    ],
    {
      isTTY: true,
      script: (prompt) =>
        prompt.startsWith("Locate the phrases")
          ? "a dog<loc_0><loc_0><loc_999><loc_999>"
          : "boat<loc_100><loc_200><loc_500><loc_600>",
    },
  );
  assert.match(stdout, /not found: zebra \(.*score 0\.\d\d\)/u);
  assert.match(stdout, /not found: a dog \(whole image box\)/u);
});
