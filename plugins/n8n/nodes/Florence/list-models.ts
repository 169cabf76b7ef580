import type { ILoadOptionsFunctions, INodePropertyOptions } from "n8n-workflow";
import { isObject, objectsOf } from "../shared/json.ts";
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
    ...models.map(({ id, quantization, tasks, license }) => ({
      name: String(id),
      value: String(id),
      description: `${Array.isArray(tasks) ? tasks.length : "unknown number of"} tasks, ${String(quantization)}, ${String(license)}`,
    })),
  ];
}
