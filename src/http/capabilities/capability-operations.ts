// What can be asked here, of which model, on which engine: as data, so that
// forms, nodes and agents can be made from it.

import type { Manifest } from "../../shared/model/manifest.ts";
import { jsonSchemaOf } from "../../shared/schema/json-schema.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import type { Engine } from "../engine/engine.ts";
import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";

export function capabilityOperations(host: Host): readonly Operation[] {
  const list = (
    path: string,
    operationId: string,
    summary: string,
    data: () => readonly object[],
  ): Operation => ({
    method: "GET",
    path,
    operationId,
    tag: "Capabilities",
    summary,
    access: "analyze",
    responses: { 200: { description: "The list." } },
    problems: [],
    handle: (context) => context.json({ object: "list", data: data() }),
  });
  return [
    list("/v1/tasks", "listTasks", "What can be asked", () =>
      describeTasks(host),
    ),
    list("/v1/models", "listModels", "Which models answer", () =>
      describeModels(host),
    ),
    list("/v1/engines", "listEngines", "Where they run", () =>
      host.engines.map(describeEngine),
    ),
  ];
}

/** Each model once, with the first engine that has it. */
function hostedModels({
  engines,
}: Host): readonly { readonly manifest: Manifest; readonly engine: Engine }[] {
  const all = engines.flatMap((engine) =>
    engine.models.map((manifest) => ({ manifest, engine })),
  );
  return all.filter(
    ({ manifest }, index) =>
      all.findIndex((one) => one.manifest.id === manifest.id) === index,
  );
}

function describeTasks(host: Host): readonly object[] {
  const models = hostedModels(host);
  return TASKS.map((task) => ({
    task: task.spelling,
    token: task.token,
    summary: task.summary,
    models: models
      .filter(({ manifest }) => manifest.tasks.includes(task.spelling))
      .map(({ manifest }) => manifest.id),
    example: task.example,
    request_schema: jsonSchemaOf(task.request),
    result_schema: jsonSchemaOf(task.result),
  }));
}

function describeModels(host: Host): readonly object[] {
  return hostedModels(host).map(({ manifest, engine }, index) => ({
    id: manifest.id,
    // As OpenAI's clients list models.
    object: "model",
    created: 0,
    owned_by: "florence",
    revision: manifest.revision,
    quantization: manifest.precision,
    default: index === 0,
    status: engine.status().status === "ready" ? "loaded" : "cold",
    tasks: manifest.tasks,
    license: manifest.license,
    source: manifest.source,
    weight_bytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
    parameters: manifest.parts.reduce((sum, part) => sum + part.parameters, 0),
  }));
}

function describeEngine(engine: Engine): object {
  return {
    engine: engine.name,
    ...engine.status(),
    models: engine.models.map(({ id }) => id),
  };
}
