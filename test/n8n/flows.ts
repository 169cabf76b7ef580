// Workflows of the tests: a webhook that takes a picture, our node, its items as
// the answer.

export interface Flow {
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Which server answers. */
  readonly credential: string;
  /** Left out, the workflow stops. */
  readonly onError?: "continueRegularOutput" | "continueErrorOutput";
  /** The Webhook node's own choice of a name for what it is sent. */
  readonly binaryName?: string;
  /** JavaScript that makes the items which the node gets, of those of the webhook. */
  readonly code?: string;
  /** Parameters of a node of ours before it. */
  readonly before?: Readonly<Record<string, unknown>>;
  /** Files stand among the JSON of an item, not beside it. */
  readonly binaryMode?: "combined";
}

const FLORENCE = "n8n-nodes-florence.florence";

/** A workflow as n8n imports it; its webhook's path is the flow's id. */
export function workflowOf(flow: Flow): object {
  const florence = (name: string, parameters: object): object => ({
    id: name,
    name,
    type: FLORENCE,
    typeVersion: 1,
    position: [400, 0],
    parameters,
    credentials: {
      florenceApi: { id: flow.credential, name: flow.credential },
    },
    ...(flow.onError !== undefined && { onError: flow.onError }),
  });
  const nodes = [
    {
      id: "Webhook",
      name: "Webhook",
      type: "n8n-nodes-base.webhook",
      typeVersion: 2.1,
      position: [0, 0],
      webhookId: flow.id,
      parameters: {
        httpMethod: "POST",
        path: flow.id,
        responseMode: "lastNode",
        responseData: "allEntries",
        options:
          flow.binaryName === undefined
            ? {}
            : { binaryPropertyName: flow.binaryName },
      },
    },
    ...(flow.code === undefined
      ? []
      : [
          {
            id: "Code",
            name: "Code",
            type: "n8n-nodes-base.code",
            typeVersion: 2,
            position: [200, 0],
            parameters: { jsCode: flow.code },
          },
        ]),
    ...(flow.before === undefined ? [] : [florence("Before", flow.before)]),
    florence("Florence", flow.parameters),
  ] as readonly { readonly name: string }[];
  const names = nodes.map(({ name }) => name);
  const { id, binaryMode } = flow;
  return chained(
    id,
    nodes,
    names,
    binaryMode === undefined ? {} : { binaryMode },
  );
}

/** The trigger, and a node that does nothing, so that an execution is kept. */
export function triggerFlow(
  id: string,
  credential: string,
  parameters: object,
  settings: object = {},
): object {
  const nodes = [
    {
      id: "Trigger",
      name: "Trigger",
      type: "n8n-nodes-florence.florenceTrigger",
      typeVersion: 2,
      position: [0, 0],
      webhookId: id,
      parameters,
      credentials: { florenceApi: { id: credential, name: credential } },
    },
    {
      id: "End",
      name: "End",
      type: "n8n-nodes-base.noOp",
      typeVersion: 1,
      position: [200, 0],
      parameters: {},
    },
  ];
  return chained(id, nodes, ["Trigger", "End"], settings);
}

function chained(
  id: string,
  nodes: readonly object[],
  names: readonly string[],
  settings: object = {},
): object {
  return {
    id,
    name: id,
    active: false,
    nodes,
    connections: Object.fromEntries(
      names
        .slice(0, -1)
        .map((name, at) => [
          name,
          { main: [[{ node: names[at + 1], type: "main", index: 0 }]] },
        ]),
    ),
    settings: {
      executionOrder: "v1",
      saveDataSuccessExecution: "all",
      ...settings,
    },
  };
}
