import assert from "node:assert/strict";
import { test } from "node:test";
import { generate } from "../../../src/shared/generate/generate.ts";
import { binSpread } from "../../../src/shared/generate/hypothesis.ts";
import { repeatedNgramTokens } from "../../../src/shared/generate/processors.ts";
import { scoreSequences } from "../../../src/shared/generate/score-sequences.ts";
import {
  allowedNext,
  buildTokenTrie,
} from "../../../src/shared/generate/token-trie.ts";
import type { GenerationSpec } from "../../../src/shared/model/manifest.ts";
import {
  createScriptedState,
  hashedLogits,
} from "../../fakes/scripted-state.ts";

const SPEC: GenerationSpec = {
  decoder_start_token_id: 2,
  bos_token_id: 0,
  pad_token_id: 1,
  eos_token_id: 2,
  forced_bos_token_id: 0,
  forced_eos_token_id: 2,
  num_beams: 3,
  no_repeat_ngram_size: 3,
  early_stopping: true,
  length_penalty: 1,
  suppress_tokens: [1],
};

test("bans the token that would repeat a trigram", () => {
  assert.deepEqual(repeatedNgramTokens([2, 0, 0, 0], 3), [0]);
  assert.deepEqual(repeatedNgramTokens([2, 0], 3), []);
  assert.deepEqual(repeatedNgramTokens([2, 0, 0], 3), []);
  assert.deepEqual(repeatedNgramTokens([2, 5, 6, 7, 5, 6], 3), [7]);
  assert.deepEqual(repeatedNgramTokens([2, 5, 6, 7, 5, 6], 0), []);
});

test("begins with the forced token and ends with the forced one at the limit", async () => {
  // A model that never ends by itself.
  const endless = hashedLogits(12, 4);
  const state = createScriptedState((prompt, ids) => {
    const logits = endless(prompt, ids);
    logits[2] = -50;
    return logits;
  });
  for (const numBeams of [1, 3]) {
    const [answer] = await generate(state, [0], {
      spec: SPEC,
      numBeams,
      maxTokens: 6,
    });
    assert.equal(answer!.ids.length, 6);
    assert.equal(answer!.ids[0], 0);
    assert.equal(answer!.ids.at(-1), 2);
    assert.equal(answer!.finishReason, "length");
    assert.equal(answer!.logProbs.length, 6);
    assert.ok(answer!.logProbs.at(-1)! < -40, "the plain log-probability");
  }
});

test("never writes a suppressed token and never repeats a trigram", async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    for (const numBeams of [1, 3]) {
      const state = createScriptedState(hashedLogits(6, seed));
      const [answer] = await generate(state, [0], {
        spec: SPEC,
        numBeams,
        maxTokens: 24,
      });
      assert.ok(!answer!.ids.includes(1));
      const trigrams = answer!.ids
        .slice(0, -2)
        .map((_, at) => answer!.ids.slice(at, at + 3).join());
      assert.equal(new Set(trigrams).size, trigrams.length);
    }
  }
});

test("answers prompts in a batch as it answers each alone", async () => {
  const logits = hashedLogits(9, 11);
  for (const numBeams of [1, 3]) {
    const options = { spec: SPEC, numBeams, maxTokens: 12 };
    const together = await generate(
      createScriptedState(logits),
      [0, 1, 2, 3],
      options,
    );
    for (const [prompt, answer] of together.entries()) {
      const alone = createScriptedState((_, ids) => logits(prompt, ids));
      assert.deepEqual((await generate(alone, [0], options))[0], answer);
    }
  }
});

test("finds with beams what greedy search misses", async () => {
  // Greedy takes 5 (0.6), after which everything is unlikely; 6 leads to 7.
  const table: Record<string, Record<number, number>> = {
    "2": { 0: 0 },
    "2,0": { 5: Math.log(0.6), 6: Math.log(0.4) },
    "2,0,5": {
      3: Math.log(0.2),
      4: Math.log(0.2),
      8: Math.log(0.2),
      9: Math.log(0.4),
    },
    "2,0,6": { 7: Math.log(1) },
  };
  const state = createScriptedState((_, ids) => {
    const logits = new Float32Array(10).fill(-30);
    const next = table[ids.join()] ?? { 2: 0 };
    for (const [id, value] of Object.entries(next)) logits[Number(id)] = value;
    return logits;
  });
  const options = { spec: SPEC, maxTokens: 8 };
  const [greedy] = await generate(state, [0], { ...options, numBeams: 1 });
  const [beams] = await generate(state, [0], { ...options, numBeams: 3 });
  assert.deepEqual(greedy!.ids, [0, 5, 9, 2]);
  assert.deepEqual(beams!.ids, [0, 6, 7, 2]);
  assert.equal(beams!.finishReason, "stop");
});

test("keeps to the allowed tokens of each step", async () => {
  const trie = buildTokenTrie([
    [5, 6, 2],
    [5, 7, 2],
    [8, 2],
  ]);
  const state = createScriptedState(hashedLogits(12, 3));
  for (const numBeams of [1, 3]) {
    const [answer] = await generate(state, [0], {
      spec: SPEC,
      numBeams,
      maxTokens: 10,
      allowed: (_, ids) => allowedNext(trie, ids.slice(2)),
    });
    const written = answer!.ids.slice(1).join();
    assert.ok(["5,6,2", "5,7,2", "8,2"].includes(written), written);
  }
});

test("tells tokens as they come and which prompts have ended", async () => {
  const state = createScriptedState(hashedLogits(9, 5));
  const told: number[][] = [[], []];
  const answers = await generate(state, [0, 1], {
    spec: SPEC,
    numBeams: 1,
    maxTokens: 9,
    onToken: (prompt, id) => told[prompt]!.push(id),
  });
  assert.deepEqual(
    told,
    answers.map((answer) => [...answer.ids]),
  );
  assert.deepEqual(state.finished.toSorted(), [0, 1]);
});

test("stops between two steps when its signal is aborted", async () => {
  const controller = new AbortController();
  const endless = hashedLogits(12, 4);
  const state = createScriptedState((prompt, ids) => {
    if (ids.length === 4) controller.abort();
    const logits = endless(prompt, ids);
    logits[2] = -50;
    return logits;
  });
  const running = generate(state, [0], {
    spec: SPEC,
    numBeams: 1,
    maxTokens: 100,
    signal: controller.signal,
  });
  await assert.rejects(running, { code: "deadline_exceeded" });
  assert.equal(state.steps.length, 4);
});

test("refuses logits that are not numbers", async () => {
  const state = createScriptedState(() => new Float32Array(8).fill(NaN));
  const running = generate(state, [0], {
    spec: SPEC,
    numBeams: 1,
    maxTokens: 4,
  });
  await assert.rejects(running, { code: "engine_bad_output" });
});

test("scores sequences as teacher forcing does, sharing their beginnings", async () => {
  const logits = hashedLogits(10, 8);
  const state = createScriptedState(logits);
  const sequences = [[5, 6, 2], [5, 7], [5], [9, 2], []];
  const [scores] = await scoreSequences(state, [{ prompt: 0, sequences }], {
    spec: SPEC,
  });
  for (const [at, sequence] of sequences.entries()) {
    const expected = sequence.map((id, index) => {
      const row = logits(0, [2, 0, ...sequence.slice(0, index)]);
      const sum = row.reduce((all, logit) => all + Math.exp(logit), 0);
      return row[id]! - Math.log(sum);
    });
    assert.equal(scores![at]!.length, expected.length);
    for (const [index, value] of expected.entries()) {
      assert.ok(Math.abs(scores![at]![index]! - value) < 1e-5);
    }
  }
  assert.deepEqual(
    state.steps.map((rows) => rows.length),
    [1, 1, 2, 1],
  );
});

test("measures the spread of a distribution over bins", () => {
  const two = new Float32Array(1000).fill(-Infinity);
  two[100] = Math.log(0.25);
  two[104] = Math.log(0.25);
  assert.ok(Math.abs(binSpread(two) - 2) < 1e-5);
  two[104] = -Infinity;
  assert.equal(binSpread(two), 0);
});
