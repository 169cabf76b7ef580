import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readLabel,
  readText,
} from "../../../src/data-engine/language/read-text.ts";
import {
  comparableName,
  isSameName,
} from "../../../src/data-engine/language/same-name.ts";

test("finds noun phrases with their places in the text", () => {
  const text = "A brown dog with a red collar is chasing two balls.";
  const { phrases, actions } = readText(text);
  assert.deepEqual(
    phrases.map(({ span }) => text.slice(...span)),
    ["A brown dog", "a red collar", "two balls"],
  );
  assert.deepEqual(
    phrases.map(({ name }) => name),
    ["dog", "collar", "ball"],
  );
  assert.deepEqual(phrases[0]!.attributes, ["brown"]);
  assert.deepEqual(
    actions.map(({ lemma }) => lemma),
    ["chase"],
  );
});

test("counts what hangs on a noun and on a verb", () => {
  const plain = readText("a dog").phrases[0]!;
  const rich = readText("an old brown teddy bear on a bed").phrases[0]!;
  assert.equal(plain.degree, 0);
  assert.equal(rich.degree, 4); // old, brown, teddy, on a bed
  assert.equal(readText("a man riding a wave").actions[0]!.degree, 2);
});

test("keeps adjectives joined by a conjunction in one phrase", () => {
  const text = "an old and rusty car";
  assert.deepEqual(
    readText(text).phrases.map((phrase) => phrase.text),
    [text],
  );
});

test("tells pronouns from things", () => {
  const { phrases } = readText("it is next to something");
  assert.ok(phrases.every(({ isPronoun }) => isPronoun));
});

test("reads a label that could be a verb as a noun", () => {
  for (const label of ["sink", "remote", "fork", "dog"])
    assert.equal(readLabel(label).phrases[0]?.lemma, label);
});

test("holds spans in texts with quotes, dashes and other scripts", () => {
  const text = "A “STOP” sign – près d’un café, 止 and a dog.";
  for (const { span, text: phrase } of readText(text).phrases)
    assert.equal(text.slice(...span), phrase);
});

test("says nothing of an empty text", () => {
  const { phrases, actions, words } = readText("");
  assert.deepEqual([phrases, actions, words], [[], [], 0]);
});

test("compares names whatever their number, case and adjectives", () => {
  assert.ok(isSameName("two young men", "person"));
  assert.ok(isSameName("Dogs", "a brown dog"));
  assert.ok(isSameName("a television", "tv"));
  assert.ok(isSameName("two hot dogs on a bun", "hot dog"));
  assert.ok(!isSameName("hot dog", "dog"));
  assert.ok(!isSameName("cat", "dog"));
  assert.equal(comparableName("a laptop computer"), "laptop computer");
});
