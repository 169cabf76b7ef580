import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../src/cli/main.ts";
import { EXIT_CODES, exitCodeOf } from "../../src/cli/exit-codes.ts";
import { ERROR_CODES, FlorenceError } from "../../src/shared/errors.ts";
import { TASKS } from "../../src/shared/tasks/index.ts";
import { runFlorence } from "./run-florence.ts";

test("teaches with help, on standard output and with code 0", async () => {
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    const { code, stdout, stderr } = await runFlorence(argv);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    for (const { name, summary } of COMMANDS)
      assert.match(stdout, new RegExp(`${name} +${summary.slice(0, 30)}`, "u"));
  }
});

test("gives help on every command, with its flags, examples and exit codes", async () => {
  for (const { name, flags } of COMMANDS) {
    const { code, stdout } = await runFlorence([name, "--help"]);
    assert.equal(code, 0);
    assert.equal((await runFlorence(["help", name])).stdout, stdout);
    for (const flag of Object.keys(flags))
      assert.ok(stdout.includes(`--${flag}`), `${name} --${flag}`);
    assert.ok(stdout.includes(`  florence ${name}`));
    assert.match(stdout, /Examples\n {2}# /u);
    for (const [number, meaning] of Object.values(EXIT_CODES))
      assert.match(stdout, new RegExp(`^ {2}${number} +${meaning}`, "mu"));
  }
});

test("keeps help within 80 columns", async () => {
  for (const argv of [
    ["--help"],
    ...COMMANDS.map(({ name }) => [name, "--help"]),
  ]) {
    const { stdout } = await runFlorence(argv);
    for (const line of stdout.split("\n"))
      assert.ok(line.length <= 80, `${argv.join(" ")}: ${line}`);
  }
});

test("shows help and fails where there is no command", async () => {
  const { code, stdout, stderr } = await runFlorence([]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /Commands/u);
});

test("prints its version", async () => {
  const { code, stdout } = await runFlorence(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/u);
});

test("names the nearest command, and the one for an image", async () => {
  const near = await runFlorence(["analize"]);
  assert.equal(near.code, 2);
  assert.match(near.stderr, /Did you mean analyze\?/u);
  const image = await runFlorence(["photo.jpg"]);
  assert.equal(image.code, 2);
  assert.match(image.stderr, /florence analyze photo\.jpg/u);
});

test("has an exit code for every error code", () => {
  const known = new Set(
    Object.values(EXIT_CODES).map(([code]) => code as number),
  );
  for (const code of ERROR_CODES) {
    const exit = exitCodeOf(new FlorenceError(code, ""));
    assert.ok(known.has(exit) && exit !== 0, code);
  }
  assert.equal(exitCodeOf(new Error("internal: x")), 70);
});

test("lists every task with inputs and prompt, to programs as JSON", async () => {
  const { code, stdout } = await runFlorence(["tasks"]);
  assert.equal(code, 0);
  const rows = JSON.parse(stdout) as {
    spelling: string;
    token: string;
    prompt: string;
    inputs: { name: string; required: boolean }[];
  }[];
  assert.deepEqual(
    rows.map(({ spelling, token }) => [spelling, token]),
    TASKS.map(({ spelling, token }) => [spelling, token]),
  );
  const classify = rows.find(({ spelling }) => spelling === "classify_regions");
  assert.equal(
    classify?.prompt,
    "What is the region <loc_34><loc_160><loc_597><loc_372>?",
  );
  assert.deepEqual(
    classify.inputs.map(({ name, required }) => [name, required]),
    [
      ["regions", true],
      ["labels", false],
    ],
  );
});

test("lists every task to people within their terminal's width", async () => {
  const { stdout } = await runFlorence(["tasks"], { isTTY: true });
  for (const { spelling, token, summary } of TASKS) {
    assert.ok(stdout.includes(spelling) && stdout.includes(token));
    assert.ok(stdout.replace(/\s+/gu, " ").includes(summary));
  }
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
});

test("runs the example command of every task", async () => {
  const { stdout } = await runFlorence(["tasks", "--json"]);
  for (const { command } of JSON.parse(stdout) as { command: string }[]) {
    const words = [...command.matchAll(/"([^"]*)"|(\S+)/gu)].map(
      (match) => match[1] ?? match[2]!,
    );
    // Everything but the image is right: it is only missing.
    const { code, stderr } = await runFlorence(words.slice(1));
    assert.equal(code, 3, stderr);
    assert.match(stderr, /no file photo\.jpg/u);
  }
});
