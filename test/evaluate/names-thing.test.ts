import assert from "node:assert/strict";
import { test } from "node:test";
import { namesThing } from "../../src/evaluate/names-thing.ts";

const SYNONYMS = { car: ["suv"], "t-shirt": ["tee"] };

test("takes the label, a synonym and their plurals, as whole words", () => {
  assert.ok(namesThing("A red Car.", "car", SYNONYMS));
  assert.ok(namesThing("two SUVs in a row", "car", SYNONYMS));
  assert.ok(namesThing("boxes", "box", {}));
  assert.ok(namesThing("ripe strawberries", "strawberry", {}));
  assert.ok(namesThing("white T-Shirts", "t-shirt", SYNONYMS));
  assert.ok(namesThing("a bell pepper", "pepper", {}));
});

test("takes no part of a word and no other word", () => {
  assert.ok(!namesThing("a cart and a scar", "car", SYNONYMS));
  assert.ok(!namesThing("a shirt", "t-shirt", SYNONYMS));
  assert.ok(!namesThing("", "car", SYNONYMS));
});
