import type { ILoadOptionsFunctions, INodePropertyOptions } from "n8n-workflow";
import { isObject, objectsOf, type Json } from "../shared/json.ts";
import { callFlorence } from "../shared/transport.ts";

/** The service's models for a list, its own choice first. */
export async function listModels(
  this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
  const { body } = await callFlorence(this, {
    method: "GET",
    path: "/v1/models",
  });
  const models = isObject(body) ? objectsOf(body["data"]) : [];
  return [
    {
      name: "Default",
      value: "default",
      description: "The first model of the service",
    },
    ...models.flatMap((model) =>
      typeof model["id"] === "string"
        ? [
            {
              name: model["id"],
              value: model["id"],
              description: describe(model),
            },
          ]
        : [],
    ),
  ];
}

/** What a service says of its model; an older one may say less. */
function describe({ tasks, quantization, license }: Json): string {
  const count = Array.isArray(tasks) ? `${tasks.length} tasks` : null;
  return [count, quantization, license]
    .filter((part) => typeof part === "string")
    .join(", ");
}
