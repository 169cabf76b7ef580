// What can be asked here, of which model, on which engine: as data, so that
// forms, nodes and agents can be made from it.

import { jsonSchemaOf } from "../shared/schema/json-schema.ts";
import { TASKS } from "../shared/tasks/index.ts";
import type { App, Route } from "./route.ts";
import type { Host, HostedModel } from "./host.ts";

/** Adds `/v1/tasks`, `/v1/models` and `/v1/engines`. */
export function addCapabilityRoutes(app: App, host: Host): readonly Route[] {
  app.get("/v1/tasks", (context) =>
    context.json({ object: "list", data: describeTasks(host) }),
  );
  app.get("/v1/models", (context) =>
    context.json({ object: "list", data: host.models.map(describeModel) }),
  );
  app.get("/v1/engines", (context) =>
    context.json({ object: "list", data: [describeEngine(host)] }),
  );
  return ["/v1/tasks", "/v1/models", "/v1/engines"].map((path) => ({
    path,
    allow: "GET, HEAD",
  }));
}

function describeTasks(host: Host): readonly object[] {
  return TASKS.map((task) => ({
    task: task.spelling,
    token: task.token,
    summary: task.summary,
    models: host.models
      .map(({ manifest }) => manifest)
      .filter(({ tasks }) => tasks.includes(task.spelling))
      .map(({ id }) => id),
    example: task.example,
    request_schema: jsonSchemaOf(task.request),
    result_schema: jsonSchemaOf(task.result),
  }));
}

function describeModel(hosted: HostedModel, index: number): object {
  const { manifest } = hosted;
  return {
    id: manifest.id,
    revision: manifest.revision,
    quantization: manifest.precision,
    default: index === 0,
    status: hosted.isLoaded() ? "loaded" : "cold",
    tasks: manifest.tasks,
    license: manifest.license,
    source: manifest.source,
    weight_bytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
    parameters: manifest.parts.reduce((sum, part) => sum + part.parameters, 0),
  };
}

function describeEngine({ engine, models }: Host): object {
  return {
    engine: engine.name,
    backend: engine.backend,
    device: engine.device,
    status: models.some((hosted) => hosted.isLoaded()) ? "ready" : "cold",
    models: models.map(({ manifest }) => manifest.id),
    ...(engine.memory === undefined ? {} : { memory: engine.memory() }),
  };
}
