// OpenAI's protocol, spoken by the official client.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI, { APIError } from "openai";
import type { HttpCase, HttpTarget } from "./http-case.ts";

const PHOTO = `data:image/jpeg;base64,${readFileSync(
  new URL("../../golden/photos/boat.jpg", import.meta.url),
).toString("base64")}`;

export const CASES: readonly HttpCase[] = [
  {
    name: "answers a prompt that is a task's name, as text and as a result",
    async run(target) {
      const answer = await clientOf(target).chat.completions.create({
        model: "default",
        messages: messagesOf("caption"),
      });
      const [choice] = answer.choices;
      const message = choice!.message as unknown as ReadMessage;
      assert.equal(message.role, "assistant");
      assert.equal(message.vision_result["task"], "caption");
      assert.equal(message.content, message.vision_result["text"]);
      assert.equal(choice!.finish_reason, "stop");
      const { usage } = answer;
      assert.ok(usage!.completion_tokens > 0);
      assert.equal(
        usage!.total_tokens,
        usage!.prompt_tokens + usage!.completion_tokens,
      );
    },
  },
  {
    name: "takes labels and phrases after the task's name",
    async run(target) {
      const answer = await clientOf(target).chat.completions.create({
        model: "default",
        messages: messagesOf("detect_open: boat, dog"),
      });
      const message = answer.choices[0]!.message as unknown as ReadMessage;
      const labels = message.vision_result["labels"] as { label: string }[];
      assert.deepEqual(
        labels.map(({ label }) => label),
        ["boat", "dog"],
      );
    },
  },
  {
    name: "streams text that joined is the answer, and the result at the end",
    async run(target) {
      const stream = await clientOf(target).chat.completions.create({
        model: "default",
        messages: messagesOf("caption"),
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let result: Record<string, unknown> | null = null;
      let finish: string | null = null;
      let totalTokens = 0;
      for await (const { choices, usage } of stream) {
        totalTokens += usage?.total_tokens ?? 0;
        const [choice] = choices;
        const delta = choice?.delta as Partial<ReadMessage> | undefined;
        text += delta?.content ?? "";
        result = delta?.vision_result ?? result;
        finish = choice?.finish_reason ?? finish;
      }
      assert.equal(text, result?.["text"]);
      assert.equal(finish, "stop");
      assert.ok(totalTokens > 0);
    },
  },
  {
    name: "gives errors in OpenAI's form with our codes",
    async run(target) {
      const client = clientOf(target);
      const wrong: readonly (readonly [string, string, number])[] = [
        ["captoin", "unknown_task", 422],
        ["What is this?", "unknown_task", 422],
        ["detect_open", "missing_task_input", 422],
        ["caption: something", "invalid_request", 422],
      ];
      for (const [prompt, code, status] of wrong) {
        const error = await refused(
          client.chat.completions.create({
            model: "default",
            messages: messagesOf(prompt),
          }),
        );
        assert.equal(error.code, code, prompt);
        assert.equal(error.status, status);
        assert.equal(error.type, "invalid_request_error");
      }
      const nobody = new OpenAI({ ...settings(target), apiKey: "none" });
      const error = await refused(
        nobody.chat.completions.create({
          model: "default",
          messages: messagesOf("caption"),
        }),
      );
      assert.equal(error.status, 401);
      assert.equal(error.code, "unauthenticated");
    },
  },
  {
    name: "lists models as OpenAI does",
    async run(target) {
      const { data } = await clientOf(target).models.list();
      assert.ok(data.length > 0);
      for (const model of data) {
        assert.equal(model.object, "model");
        assert.equal(typeof model.created, "number");
        assert.equal(typeof model.owned_by, "string");
      }
      const answer = await clientOf(target).chat.completions.create({
        model: data[0]!.id,
        messages: messagesOf("caption"),
      });
      assert.equal(answer.model, data[0]!.id);
    },
  },
];

interface ReadMessage {
  readonly role: string;
  readonly content: string;
  readonly vision_result: Record<string, unknown>;
}

function messagesOf(
  prompt: string,
): OpenAI.Chat.Completions.ChatCompletionMessageParam[] {
  return [
    {
      role: "user",
      content: [
        { type: "text", text: prompt },
        { type: "image_url", image_url: { url: PHOTO } },
      ],
    },
  ];
}

function clientOf(target: HttpTarget): OpenAI {
  return new OpenAI({ ...settings(target), apiKey: target.keys.first });
}

function settings(target: HttpTarget) {
  return {
    baseURL: `${target.origin}/v1`,
    maxRetries: 0,
    fetch: (url: string | URL | Request, init?: RequestInit) => {
      const { href } = new URL(url instanceof Request ? url.url : url);
      return target.fetch(href.slice(target.origin.length), init);
    },
  };
}

async function refused(answer: Promise<unknown>): Promise<APIError> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
