import assert from "node:assert/strict";
import { test } from "node:test";
import { joinTexts } from "../../../src/shared/tasks/join-texts.ts";

test("writes once what both pieces have", () => {
  assert.equal(joinTexts("Hello wor", "lo world", 6), "Hello world");
  assert.equal(joinTexts("Town Hall", "Hall Street", 3.6), "Town Hall Street");
});

test("takes the run that its place speaks for, not the longest", () => {
  assert.equal(joinTexts("na na na", "na na ba", 1.8), "na na na na ba");
  assert.equal(joinTexts("na na na", "na na ba", 4.6), "na na na ba");
});

test("leaves out letters that the cut made unreadable", () => {
  assert.equal(joinTexts("Hello worI", "|o world", 6), "Hello world");
});

test("sets a blank where a gap as wide as one lies between", () => {
  assert.equal(joinTexts("Hello", "world", -1), "Hello world");
  assert.equal(joinTexts("Hel", "lo", 0), "Hello");
  assert.equal(joinTexts("Hel", "lo", -0.2), "Hello");
});

test("joins by whole characters", () => {
  assert.equal(joinTexts("東京🚀🚀", "🚀🚀駅", 1.7), "東京🚀🚀駅");
});

test("puts pieces side by side where nothing fits", () => {
  assert.equal(joinTexts("abc", "xyz", 2), "abcxyz");
});
