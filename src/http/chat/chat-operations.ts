// `POST /v1/chat/completions`: for programs that speak OpenAI's protocol. The
// prompt is a task's name; the answer is text, and the result as it is.

import * as v from "valibot";
import type { Envelope } from "../../shared/schema/analysis.ts";
import { parseAnalyzeRequest } from "../../shared/schema/analysis.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import { ANALYSIS_PROBLEMS } from "../analyze/analyze-operations.ts";
import type { Analyzer, AnalyzerRequest } from "../analyze/analyzer.ts";
import { callOf } from "../analyze/call-of.ts";
import { DEADLINE, deadlineSignal } from "../analyze/deadline.ts";
import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";
import { readJsonBody } from "../read-json-body.ts";
import { ServerEventSchema } from "../streaming/server-event.ts";
import { EXAMPLE_PNG } from "../openapi/examples.ts";
import { MessageSchema, parseChat } from "./chat-prompt.ts";
import { streamChat } from "./chat-stream.ts";
import { chatUsage } from "./chat-usage.ts";
import { OPENAI_ERRORS } from "./openai-errors.ts";
import { onlyResult, resultText } from "./result-text.ts";

const only = <const Value extends number>(value: Value) =>
  v.exactOptional(
    v.literal(
      value,
      `${value}, or left out: the answer is always the likeliest, once`,
    ),
  );

const MaxTokens = v.pipe(
  v.number("a whole number from 1 to 4096"),
  v.integer("a whole number from 1 to 4096"),
  v.minValue(1, "a whole number from 1 to 4096"),
  v.maxValue(4096, "a whole number from 1 to 4096"),
);

const ChatRequest = v.strictObject({
  /** One of `GET /v1/models`; `default` leaves it to the host. */
  model: v.pipe(v.string(), v.minLength(1)),
  messages: v.pipe(v.array(MessageSchema), v.minLength(1), v.maxLength(64)),
  stream: v.exactOptional(v.boolean()),
  stream_options: v.exactOptional(
    v.strictObject({ include_usage: v.exactOptional(v.boolean()) }),
  ),
  max_tokens: v.exactOptional(MaxTokens),
  max_completion_tokens: v.exactOptional(MaxTokens),
  temperature: only(0),
  top_p: only(1),
  n: only(1),
  /** Comes to nothing; many programs send it. */
  user: v.exactOptional(v.string()),
});

type ChatRequest = v.InferOutput<typeof ChatRequest>;

const Choice = v.object({
  index: v.number(),
  message: v.object({
    role: v.literal("assistant"),
    content: v.string(),
    refusal: v.null(),
    /** The task's result, as an analysis has it. */
    vision_result: v.union(TASKS.map((task) => task.result)),
  }),
  finish_reason: v.picklist(["stop", "length"]),
  logprobs: v.null(),
});

const ChatAnswer = v.object({
  id: v.string(),
  object: v.literal("chat.completion"),
  created: v.number(),
  model: v.string(),
  choices: v.array(Choice),
  usage: v.object({
    prompt_tokens: v.number(),
    completion_tokens: v.number(),
    total_tokens: v.number(),
  }),
});

type ChatAnswer = v.InferOutput<typeof ChatAnswer>;

export function chatOperations(
  host: Host,
  analyzer: Analyzer,
): readonly Operation[] {
  return [
    {
      method: "POST",
      path: "/v1/chat/completions",
      operationId: "createChatCompletion",
      tag: "Agents",
      summary: "OpenAI's chat completions: the prompt is a task's name",
      description:
        'The last message of the user has one `image_url` part and a text such as `caption`, `ocr:lines`, `detect_open: dog, cat`, `ground: a red bicycle`, or `describe_regions: {"regions": [...]}`. `message.content` is the answer as text, `message.vision_result` the result itself.',
      access: "analyze",
      parameters: [DEADLINE],
      body: {
        isRequired: true,
        content: { "application/json": ChatRequest },
        examples: {
          "application/json": {
            model: "default",
            messages: [
              {
                role: "user",
                content: [
                  { type: "text", text: "detect_open: square, dog" },
                  {
                    type: "image_url",
                    image_url: { url: `data:image/png;base64,${EXAMPLE_PNG}` },
                  },
                ],
              },
            ],
          },
        },
      },
      responses: {
        200: {
          description: "A completion; with `stream` its chunks as events.",
          content: {
            "application/json": ChatAnswer,
            "text/event-stream": ServerEventSchema,
          },
        },
      },
      problems: ANALYSIS_PROBLEMS,
      errorForm: OPENAI_ERRORS,
      async handle(context) {
        const { raw } = context.req;
        const signal = deadlineSignal(raw);
        const chat = await readJsonBody(raw, ChatRequest, {
          maxBytes: host.limits.maxJsonBytes,
        });
        const request = analyzerRequest(chat);
        const principal = context.get("principal");
        if (chat.stream === true) {
          return await streamChat({
            host,
            analyzer,
            context,
            request,
            signal,
            includeUsage: chat.stream_options?.include_usage === true,
          });
        }
        const work = analyzer.analyze(request, principal, {
          ...callOf(host, context),
          signal,
        });
        host.keepAlive?.(work, context);
        return context.json(chatAnswer(await work));
      },
    },
  ];
}

function analyzerRequest(chat: ChatRequest): AnalyzerRequest {
  const { image, task } = parseChat(chat.messages);
  const maxTokens = chat.max_completion_tokens ?? chat.max_tokens;
  return {
    ...parseAnalyzeRequest({
      tasks: [task],
      options: {
        ...(chat.model !== "default" && { model: chat.model }),
        ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      },
    }),
    image,
  };
}

function chatAnswer(envelope: Envelope): ChatAnswer {
  const result = onlyResult(envelope);
  return {
    id: envelope.id,
    object: "chat.completion",
    created: Math.floor(Date.parse(envelope.created) / 1000),
    model: envelope.model.id,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: resultText(result),
          refusal: null,
          vision_result: result,
        },
        finish_reason: result.finish_reason,
        logprobs: null,
      },
    ],
    usage: chatUsage(envelope),
  };
}
