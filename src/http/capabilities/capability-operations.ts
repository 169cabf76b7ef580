// What can be asked here, of which model, on which engine: as data, so that
// forms, nodes and agents can be made from it.

import { jsonSchemaOf } from "../../shared/schema/json-schema.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import type { Engine, EngineModel } from "../engine/engine.ts";
import { INTERNAL_ID } from "../engine/internal-token.ts";
import type { Operation } from "../operation.ts";

/** How long an engine elsewhere may take to say which models it has. */
const REFRESH_MS = 2000;

/** @param engines the host's; those elsewhere are asked which models they have. */
export function capabilityOperations(
  engines: readonly Engine[],
): readonly Operation[] {
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
    async handle(context) {
      // Two hosts that list each other would ask without end.
      if (context.get("principal").id !== INTERNAL_ID) await refresh(engines);
      return context.json({ object: "list", data: data() });
    },
  });
  return [
    list("/v1/tasks", "listTasks", "What can be asked", () =>
      describeTasks(engines),
    ),
    list("/v1/models", "listModels", "Which models answer", () =>
      describeModels(engines),
    ),
    list("/v1/engines", "listEngines", "Where they run", () =>
      engines.map(describeEngine),
    ),
  ];
}

/** An engine that does not answer has the models it had before. */
async function refresh(engines: readonly Engine[]): Promise<void> {
  const signal = AbortSignal.timeout(REFRESH_MS);
  await Promise.allSettled(
    engines.map((engine) => engine.refresh?.(signal) ?? Promise.resolve()),
  );
}

/** Each model once, with the first engine that has it. */
function hostedModels(
  engines: readonly Engine[],
): readonly { readonly manifest: EngineModel; readonly engine: Engine }[] {
  const all = engines.flatMap((engine) =>
    engine.models.map((manifest) => ({ manifest, engine })),
  );
  return all.filter(
    ({ manifest }, index) =>
      all.findIndex((one) => one.manifest.id === manifest.id) === index,
  );
}

function describeTasks(engines: readonly Engine[]): readonly object[] {
  const models = hostedModels(engines);
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

function describeModels(engines: readonly Engine[]): readonly object[] {
  return hostedModels(engines).map(({ manifest, engine }, index) => ({
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
