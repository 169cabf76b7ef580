import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseTokens } from "../../../src/shared/model/choose-tokens.ts";

const ROW = { prompt: 0, parent: -1, tokenId: 2, best: 0 };
const LOGITS = Float32Array.of(1, 3, 3, -2, 3, 0);

test("takes the greatest logits, ties to the lower id", () => {
  const { best } = chooseTokens(LOGITS, { ...ROW, best: 4 });
  assert.deepEqual(
    best.map(({ id }) => id),
    [1, 2, 4, 0],
  );
});

test("leaves log-probabilities as they are when ids are banned", () => {
  const sum = LOGITS.reduce((all, logit) => all + Math.exp(logit), 0);
  const { best } = chooseTokens(LOGITS, { ...ROW, best: 1, banned: [1, 2, 4] });
  assert.equal(best[0]!.id, 0);
  assert.ok(Math.abs(best[0]!.logProb - (1 - Math.log(sum))) < 1e-9);
});

test("gives fewer than asked for if bans leave fewer", () => {
  const row = { ...ROW, best: 5, allowed: [3, 5], banned: [5] };
  assert.deepEqual(
    chooseTokens(LOGITS, row).best.map(({ id }) => id),
    [3],
  );
});

test("never chooses what is not a number", () => {
  const logits = Float32Array.of(NaN, 1, NaN, 2);
  const { best } = chooseTokens(logits, { ...ROW, best: 4 });
  assert.deepEqual(
    best.map(({ id }) => id),
    [3, 1],
  );
});

test("agrees with sorting on random rows", () => {
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let round = 0; round < 200; round += 1) {
    const logits = Float32Array.from({ length: 40 }, () =>
      Math.floor(random() * 12),
    );
    const count = 1 + Math.floor(random() * 10);
    const expected = [...logits.keys()]
      .sort((a, b) => logits[b]! - logits[a]! || a - b)
      .slice(0, count);
    const { best } = chooseTokens(logits, { ...ROW, best: count });
    assert.deepEqual(
      best.map(({ id }) => id),
      expected,
    );
  }
});
