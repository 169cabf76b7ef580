// Requests that are wrong in one way each, and the code each must be refused
// with. Numbers and texts are made here, so that the table stays readable; it
// is long because it is a table.

import { deflateRawSync, gzipSync } from "node:zlib";
import type { ErrorCode } from "../../src/shared/errors.ts";
import { PHOTO } from "./bad-images.ts";

export interface MalformedRequest {
  readonly name: string;
  readonly path: string;
  readonly init: RequestInit;
  readonly code: ErrorCode;
}

const BASE64 = Buffer.from(PHOTO).toString("base64");
const IMAGE = { base64: BASE64 };
const TASKS = [{ task: "caption" }];
const GOOD = { image: IMAGE, tasks: TASKS };
const ANALYZE = "/v1/analyze";

type Body = string | Uint8Array<ArrayBuffer>;

/** A JSON body, as it goes over the wire. */
function json(
  name: string,
  body: Body,
  code: ErrorCode,
  path = ANALYZE,
): MalformedRequest {
  const headers = { "Content-Type": "application/json" };
  return { name, path, init: { method: "POST", headers, body }, code };
}

/** A good request with some of its fields replaced. */
function field(
  name: string,
  fields: object,
  code: ErrorCode = "invalid_request",
): MalformedRequest {
  return json(name, JSON.stringify({ ...GOOD, ...fields }), code);
}

/** The values one field must not have. */
function each(
  path: string,
  values: readonly unknown[],
  wrap: (value: unknown) => object,
  code: ErrorCode = "invalid_request",
): readonly MalformedRequest[] {
  return values.map((value, at) =>
    field(`${path} ${at} ${shown(value)}`, wrap(value), code),
  );
}

function shown(value: unknown): string {
  return value === undefined ? "left out" : JSON.stringify(value).slice(0, 40);
}

const utf8 = (text: string) => new TextEncoder().encode(text);

const bytes = (...values: number[]) => Uint8Array.from(values);

function joined(...parts: readonly Body[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))));
}

const nested = (depth: number, open: string, close: string): string =>
  open.repeat(depth) + close.repeat(depth);

const NOT_JSON: readonly MalformedRequest[] = [
  ...[
    "",
    " ",
    "\n\n",
    "{",
    "}",
    "{]",
    "[",
    "nul",
    "tru",
    "undefined",
    "NaN",
    "Infinity",
    "{'tasks':[]}",
    "{tasks:[]}",
    '{"tasks":}',
    '{"tasks"}',
    '{"tasks":[],}',
    '{"tasks":[,]}',
    '{"tasks":[1,]}',
    '{"tasks":[]}}',
    '{"tasks":[]} x',
    '{"tasks":[]}{"tasks":[]}',
    '{"tasks":[]',
    '{"tasks":["caption]}',
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    '{"a":1.}',
    '{"a":1e}',
    '{"a":0x10}',
    '{"a":1_000}',
    '{"a":"\\x41"}',
    '{"a":"\\u12"}',
    '{"a":"\n"}',
    '{"a":"\t"}',
    '{"a":"\u0000"}',
    '// tasks\n{"tasks":[]}',
    '{"tasks":[]/* none */}',
    "tasks=caption",
    "<tasks/>",
    "---\ntasks: []",
    '\ufeff\ufeff{"tasks":[]}',
    '{"tasks":[]}\u0000',
    "data:application/json,{}",
    `{"image":{"base64":"${BASE64}`,
    nested(1000, "[", ""),
    nested(1000, '{"a":', ""),
  ].map((body) => json(`JSON ${shown(body)}`, body, "invalid_json")),
  json("UTF-16", joined(bytes(0xff, 0xfe), Buffer.from("{}", "utf16le")), "invalid_json"), // prettier-ignore
  json("Latin-1", joined('{"a":"', bytes(0xe9), '"}'), "invalid_json"),
  json("an overlong byte", joined('{"a":"', bytes(0xc0, 0xaf), '"}'), "invalid_json"), // prettier-ignore
  json("half a surrogate", joined('{"a":"', bytes(0xed, 0xa0, 0x80), '"}'), "invalid_json"), // prettier-ignore
  json("a cut letter", joined('{"a":"', bytes(0xe2, 0x82)), "invalid_json"),
  json("a gzip file", new Uint8Array(gzipSync("{}")), "invalid_json"),
  json("a deflated file", new Uint8Array(deflateRawSync("{}")), "invalid_json"),
  json("a photo called JSON", PHOTO, "invalid_json"),
];

const NOT_OBJECTS: readonly MalformedRequest[] = [
  ...["[]", "[{}]", '"caption"', "1", "-0", "true", "null"].map((body) =>
    json(`a JSON value ${body}`, body, "invalid_request"),
  ),
  json("arrays in arrays", nested(20_000, "[", "]"), "invalid_request"),
  json("objects in objects", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, "invalid_request"), // prettier-ignore
  json("an object of nothing", "{}", "invalid_request"),
  json("deep metadata", `{"image":{"base64":"AAAA"},"tasks":[{"task":"caption"}],"metadata":{"a":${nested(5000, "[", "]")}}}`, "invalid_request"), // prettier-ignore
  json("a prototype", '{"__proto__":{"tasks":[]}}', "invalid_request"),
  json("a prototype beside the rest", JSON.stringify(GOOD).replace("{", '{"__proto__":{"a":1},'), "invalid_request"), // prettier-ignore
  json("a constructor", '{"constructor":{"prototype":{}},"image":{"base64":"AAAA"},"tasks":[]}', "invalid_request"), // prettier-ignore
];

const WRONG_IMAGES: readonly MalformedRequest[] = [
  ...each(
    "image",
    [
      ...[undefined, null, 1, true, "", "photo.jpg", [], [IMAGE], {}],
      { media_type: "image/jpeg" },
      { base64: null },
      { base64: 5 },
      { base64: [] },
      { base64: {} },
      { base64: "not base64!" },
      { base64: "AAAAA" },
      { base64: "A===" },
      { base64: "data:image/png;base64,AAAA" },
      { base64: "é" },
      { ...IMAGE, media_type: "text/html" },
      { ...IMAGE, media_type: "" },
      { ...IMAGE, media_type: "image/" },
      { ...IMAGE, media_type: 5 },
      { ...IMAGE, mediaType: "image/png" },
      { ...IMAGE, name: "a.jpg" },
      { ...IMAGE, url: "https://example.com/" },
      { url: "https://example.com/", media_type: "image/png" },
      { url: null },
      { url: "" },
      { url: ["https://example.com/"] },
      { url: "x".repeat(5000) },
      { uri: "https://example.com/" },
      { URL: "https://example.com/" },
      { upload_id: 5 },
      { upload_id: "" },
      { upload_id: "x".repeat(101) },
      { bucket_key: 5 },
      { bucket_key: "" },
      { bucket_key: "x".repeat(513) },
      { feature_id: 5 },
      { feature_id: "" },
      { feature_id: "a", upload_id: "b" },
      { bucket_key: "a", url: "https://example.com/" },
    ],
    (image) => ({ image }),
  ),
  field("no bytes", { image: { base64: "" } }, "image_undecodable"),
  field("bytes of no picture", { image: { base64: "AAAA" } }, "unsupported_media_type"), // prettier-ignore
  field("a cut picture", { image: { base64: BASE64.slice(0, 400) } }, "image_undecodable"), // prettier-ignore
  field("an address that is none", { image: { url: "photo.jpg" } }, "url_forbidden"), // prettier-ignore
  field("an address of this machine", { image: { url: "http://localhost/" } }, "url_forbidden"), // prettier-ignore
  field("an upload that is none", { image: { upload_id: "up_0" } }, "not_found"), // prettier-ignore
  field("a key that is none", { image: { bucket_key: "local/none" } }, "not_found"), // prettier-ignore
  field("a key outside", { image: { bucket_key: "../local/a" } }, "not_found"),
  field("features that are none", { image: { feature_id: "ft_0" } }, "not_found"), // prettier-ignore
];

const box = (x_min: unknown, y_min: unknown, x_max: unknown, y_max: unknown) => ({ box: { x_min, y_min, x_max, y_max } }); // prettier-ignore
const regionTask = (regions: unknown) => ({
  tasks: [{ task: "describe_regions", regions }],
});

const WRONG_TASKS: readonly MalformedRequest[] = [
  ...each(
    "tasks",
    [
      ...[undefined, null, 1, "caption", {}, []],
      Array.from({ length: 17 }, () => TASKS[0]),
      ["caption"],
      [null],
      [1],
      [[]],
      [[{ task: "caption" }]],
      [{ task: "caption", id: 5 }],
      [{ task: "caption", id: "" }],
      [{ task: "caption", id: "x".repeat(65) }],
      [
        { task: "caption", id: "a" },
        { task: "ocr", id: "a" },
      ],
      [{ task: "caption", id: "t1" }, { task: "ocr" }],
      [{ task: "caption", detail: "long" }],
      [{ task: "caption", detail: 1 }],
      [{ task: "caption", phrase: "x" }],
      [{ task: "caption", labels: ["a"] }],
      [{ task: "caption", colour: "red" }],
      [{ task: "ocr", layout: "columns" }],
      [{ task: "detect", labels: ["a"] }],
      [{ task: "ground", phrase: 5 }],
      [{ task: "ground", phrase: "" }],
      [{ task: "ground", phrase: "   " }],
      [{ task: "ground", phrase: "x".repeat(513) }],
      [{ task: "ground", phrase: ["x"] }],
      [{ task: "detect_open", labels: "car" }],
      [{ task: "detect_open", labels: [] }],
      [{ task: "detect_open", labels: [""] }],
      [{ task: "detect_open", labels: [5] }],
      [{ task: "detect_open", labels: ["car", " CAR "] }],
      [{ task: "detect_open", labels: ["x".repeat(129)] }],
      [{ task: "detect_open", labels: Array.from({ length: 33 }, String) }],
    ],
    (tasks) => ({ tasks }),
  ),
  ...each("task", [undefined, null, 5], (task) => ({ tasks: [{ task }] })),
  ...each(
    "task",
    ["", "captoin", "CAPTION", "caption,ocr", "x".repeat(5000), "__proto__", "toString"], // prettier-ignore
    (task) => ({ tasks: [{ task }] }),
    "unknown_task",
  ),
  field("a question", { tasks: [{ task: "vqa", question: "Why?" }] }, "unsupported_task"), // prettier-ignore
  ...["ground", "segment", "detect_open", "segment_regions", "classify_regions", "describe_regions", "ocr_regions"].map((task) => field(`${task} without its input`, { tasks: [{ task }] }, "missing_task_input")), // prettier-ignore
  ...each(
    "regions",
    [
      ...["all", 1, {}, [], [null], [5], [{}], [{ box: [] }]],
      [{ box: { x_min: 0, y_min: 0, x_max: 1 } }],
      [box("0", 0, 9, 9)],
      [box(null, 0, 9, 9)],
      [{ ...box(0, 0, 9, 9), label: "car" }],
      [{ ...box(0, 0, 9, 9), id: 5 }],
      [{ box: { ...box(0, 0, 9, 9).box, score: 1 } }],
      Array.from({ length: 65 }, () => box(0, 0, 9, 9)),
    ],
    regionTask,
  ),
  ...each(
    "regions",
    [
      [box(-1, 0, 9, 9)],
      [box(0, 0, 5000, 9)],
      [box(9, 0, 9, 9)],
      [box(9, 0, 0, 9)],
      [box(0, 9, 9, 0)],
      [box(0, 0, 1e308, 9)],
    ],
    regionTask,
    "region_out_of_bounds",
  ),
];

const option = (name: string, values: readonly unknown[]) =>
  each(`options.${name}`, values, (value) => ({ options: { [name]: value } }));

const WRONG_OPTIONS: readonly MalformedRequest[] = [
  ...each("options", [null, 1, "fast", [], [{}]], (options) => ({ options })),
  ...option("engine", [null, "", "cpu", 1, ["edge"]]),
  ...option("allow_fallback", [null, "true", 1]),
  ...option("model", [null, "", 5, "another-model"]),
  ...option("max_tokens", [null, 0, -1, 1.5, 4097, "256", 1e308]),
  ...option("beams", [null, 0, 9, 1.5, "1"]),
  ...option("coordinates", [null, "", "px", "percent", 1]),
  ...option("min_score", [null, -0.1, 1.1, "0"]),
  ...option("tiling", [null, true, "auto", [], { mode: "on" }, { mode: 1 }, { max_tiles: 0 }, { max_tiles: 65 }, { overlap: 0.6 }, { overlap: -1 }, { size: 5 }]), // prettier-ignore
  ...option("render", [null, "svg", [], { format: "jpg" }, { crops: "svg" }, { format: null }, { color: "red" }]), // prettier-ignore
  ...option("cache", [null, true, "on", "no"]),
  ...option("store", [null, "true", 1]),
  ...option("include_raw", [null, "true", 1]),
  ...option("input_size", [null, 0, 100, "768", 768.5]),
  ...option("colour", ["red"]),
  ...option("maxTokens", [5]),
  ...each("metadata", [null, 1, "a", [], { a: "x".repeat(9000) }], (metadata) => ({ metadata })), // prettier-ignore
  field("a field that is none", { task: "caption" }),
  field("a field misspelled", { task_list: TASKS }),
  field("a callback", { callback: { url: "https://example.com/" } }),
];

function raw(
  name: string,
  query: string,
  code: ErrorCode,
  headers: Readonly<Record<string, string>> = { "Content-Type": "image/jpeg" },
  body: Body = PHOTO,
): MalformedRequest {
  const init = { method: "POST", headers, body };
  return { name, path: `${ANALYZE}${query}`, init, code };
}

const typed = (type: string) =>
  raw(`Content-Type ${type}`, "?tasks=caption", "unsupported_media_type", {
    "Content-Type": type,
  });

const deadline = (value: string) =>
  raw(`Deadline-Ms "${value}"`, "?tasks=caption", "invalid_request", {
    "Content-Type": "image/jpeg",
    "Deadline-Ms": value,
  });

const WRONG_HEADERS_AND_QUERIES: readonly MalformedRequest[] = [
  raw("no tasks", "", "invalid_request"),
  raw("empty tasks", "?tasks=", "invalid_request"),
  raw("blank tasks", "?tasks=%20", "invalid_request"),
  raw("only commas", "?tasks=,,", "invalid_request"),
  raw("tasks twice", "?tasks=caption&tasks=ocr", "invalid_request"),
  raw("another parameter", "?tasks=caption&beams=3", "invalid_request"),
  raw("a parameter without a name", "?tasks=caption&=3", "invalid_request"),
  raw("tasks in capitals", "?Tasks=caption", "invalid_request"),
  raw("17 tasks", `?tasks=${Array(17).fill("caption").join()}`, "invalid_request"), // prettier-ignore
  raw("a task that is none", "?tasks=captoin", "unknown_task"),
  raw("a variant that is none", "?tasks=caption:long", "unknown_task"),
  raw("bytes for a name", "?tasks=%ff%fe", "unknown_task"),
  raw("a broken escape", "?tasks=%zz", "unknown_task"),
  raw("a task that needs a phrase", "?tasks=ground", "missing_task_input"),
  raw("a question", "?tasks=vqa", "unsupported_task"),
  ...["0", "-1", "1.5", "1e3", "abc", "", "300001", "9999999", "0x10", "5s", "1,2"].map(deadline), // prettier-ignore
  ...["text/plain", "text/html", "application/xml", "application/pdf", "video/mp4", "application/x-www-form-urlencoded", "multipart/mixed; boundary=a", "application/jsonp", "application/json5", "image", "json"].map(typed), // prettier-ignore
  ...["gzip", "br", "deflate", "zstd", "gzip, identity", "x"].map(
    (encoding) =>
    raw(`Content-Encoding ${encoding}`, "?tasks=caption", "unsupported_media_type", { "Content-Type": "image/jpeg", "Content-Encoding": encoding }), // prettier-ignore
  ),
  raw("no bytes at all", "?tasks=caption", "image_undecodable", undefined, ""),
  raw("too many bytes", "?tasks=caption", "image_too_large", undefined, new Uint8Array(200_001)), // prettier-ignore
  json("a query beside JSON", JSON.stringify(GOOD), "invalid_request", `${ANALYZE}?tasks=ocr`), // prettier-ignore
  json("JSON beyond the limit", JSON.stringify({ ...GOOD, metadata: { a: "x".repeat(100_000) } }), "body_too_large"), // prettier-ignore
];

const BOUNDARY = "----a";

function part(disposition: string, content: Body, type?: string) {
  const typeLine = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return joined(
    `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n${typeLine}\r\n`,
    content,
    "\r\n",
  );
}

const imagePart = (name = "image") =>
  part(`form-data; name="${name}"; filename="a.jpg"`, PHOTO, "image/jpeg");
const requestPart = (request: Body) =>
  part('form-data; name="request"', request);
const GOOD_REQUEST = requestPart(JSON.stringify({ tasks: TASKS }));
const END = utf8(`--${BOUNDARY}--\r\n`);

function multipart(
  name: string,
  body: Body,
  code: ErrorCode = "invalid_request",
  type = `multipart/form-data; boundary=${BOUNDARY}`,
): MalformedRequest {
  const headers = { "Content-Type": type };
  const init = { method: "POST", headers, body };
  return { name: `multipart: ${name}`, path: ANALYZE, init, code };
}

const WRONG_PARTS: readonly MalformedRequest[] = [
  multipart("nothing", ""),
  multipart("only its end", END),
  multipart("no boundary", joined(imagePart(), GOOD_REQUEST, END), "invalid_request", "multipart/form-data"), // prettier-ignore
  multipart("an empty boundary", joined(imagePart(), GOOD_REQUEST, END), "invalid_request", "multipart/form-data; boundary="), // prettier-ignore
  multipart("another boundary", joined(imagePart(), GOOD_REQUEST, END), "invalid_request", "multipart/form-data; boundary=b"), // prettier-ignore
  multipart("no end", joined(imagePart(), GOOD_REQUEST)),
  multipart("cut in the picture", joined(imagePart(), GOOD_REQUEST, END).slice(0, 5000)), // prettier-ignore
  multipart("JSON in its place", JSON.stringify(GOOD)),
  multipart("a photo in its place", PHOTO),
  multipart("no picture", joined(GOOD_REQUEST, END)),
  multipart("no request", joined(imagePart(), END)),
  multipart("two pictures", joined(imagePart(), imagePart(), GOOD_REQUEST, END)), // prettier-ignore
  multipart("two requests", joined(imagePart(), GOOD_REQUEST, GOOD_REQUEST, END)), // prettier-ignore
  multipart("an unknown part", joined(imagePart(), GOOD_REQUEST, imagePart("mask"), END)), // prettier-ignore
  multipart("a part named image[]", joined(imagePart("image[]"), GOOD_REQUEST, END)), // prettier-ignore
  multipart("a picture as text", joined(part('form-data; name="image"', "photo.jpg"), GOOD_REQUEST, END)), // prettier-ignore
  multipart("a picture in the request, too", joined(imagePart(), requestPart(JSON.stringify(GOOD)), END)), // prettier-ignore
  multipart("an empty picture", joined(part('form-data; name="image"; filename="a.jpg"', ""), GOOD_REQUEST, END), "image_undecodable"), // prettier-ignore
  multipart("a picture that is text", joined(part('form-data; name="image"; filename="a.jpg"', "hello, hello, hello"), GOOD_REQUEST, END), "unsupported_media_type"), // prettier-ignore
  multipart("a picture too large", joined(part('form-data; name="image"; filename="a.jpg"', new Uint8Array(200_001)), GOOD_REQUEST, END), "image_too_large"), // prettier-ignore
  multipart("a body too large", joined(part('form-data; name="image"; filename="a.jpg"', new Uint8Array(400_000)), GOOD_REQUEST, END), "body_too_large"), // prettier-ignore
  multipart("a request too large", joined(imagePart(), requestPart(`"${"x".repeat(100_001)}"`), END), "body_too_large"), // prettier-ignore
  ...["", "{", "tasks", "{'a':1}", "caption,ocr"].map(
    (request) =>
    multipart(`request ${shown(request)}`, joined(imagePart(), requestPart(request), END), "invalid_json"), // prettier-ignore
  ),
  ...[
    "[]",
    "null",
    "5",
    '"caption"',
    "{}",
    '{"tasks":[]}',
    '{"tasks":"caption"}',
    '{"task":"caption"}',
  ].map(
    (request) =>
    multipart(`request ${shown(request)}`, joined(imagePart(), requestPart(request), END)), // prettier-ignore
  ),
  multipart("a request with unknown task", joined(imagePart(), requestPart('{"tasks":[{"task":"x"}]}'), END), "unknown_task"), // prettier-ignore
];

const plain = (
  method: string,
  path: string,
  code: ErrorCode,
): MalformedRequest => ({
  name: `${method} ${path}`,
  path,
  init: { method },
  code,
});

const WRONG_PATHS: readonly MalformedRequest[] = [
  ...["GET", "PUT", "DELETE", "PATCH", "OPTIONS"].map((method) =>
    plain(method, ANALYZE, "method_not_allowed"),
  ),
  plain("POST", "/v1/models", "method_not_allowed"),
  plain("GET", "/v1/tasks/caption", "method_not_allowed"),
  plain("POST", "/v1/analyses/an_1", "method_not_allowed"),
  ...[
    ...["/", "/v1", "/v2/analyze", "/v1/analyse", "/V1/analyze"],
    ...["/v1/analyze/", "//v1/analyze", "/v1//analyze", "/v1/analyze/x"],
    ...["/v1/analyses/", "/v1/%2e%2e/analyze", "/.env", "/v1/analyze%00"],
    "/v1/analyze;a=b",
    `/${"x".repeat(5000)}`,
  ].map((path) => plain("POST", path, "not_found")),
  plain("GET", "/v1/analyses/an_0", "not_found"),
  plain("DELETE", "/v1/analyses/an_0", "not_found"),
  plain("GET", "/v1/analyses/%00", "not_found"),
  plain("GET", "/v1/analyses/..%2f..%2fetc%2fpasswd", "not_found"),
  plain("GET", `/v1/analyses/${"x".repeat(5000)}`, "not_found"),
];

/** By what is wrong with them. */
export const MALFORMED_REQUESTS: Readonly<
  Record<string, readonly MalformedRequest[]>
> = {
  "text that is not JSON": NOT_JSON,
  "JSON that is no request": NOT_OBJECTS,
  "pictures named wrongly": WRONG_IMAGES,
  "tasks asked wrongly": WRONG_TASKS,
  "options and metadata": WRONG_OPTIONS,
  "headers and queries": WRONG_HEADERS_AND_QUERIES,
  "parts of multipart bodies": WRONG_PARTS,
  "methods and paths": WRONG_PATHS,
};

/** What the same service answers before and after. */
export const GOOD_REQUEST_BODY = GOOD;
