// The walls between rooms, as ARCHITECTURE.md draws them.
const LAYERS = [
  "analyze",
  "tasks|generate|render|schema",
  "parse|model|image",
  "tokenizer",
];

/** Inside the core a layer imports only layers to its right (or itself). */
const coreLayers = LAYERS.flatMap((layer, index) => {
  const left = LAYERS.slice(0, index).join("|");
  return left === ""
    ? []
    : [
        {
          name: `core-${layer}-points-right`,
          severity: "error",
          from: { path: `^src/shared/(${layer})/` },
          to: { path: `^src/shared/(${left})/` },
        },
      ];
});

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: ["^cloudflare:"] },
    },
    {
      name: "core-imports-nothing-of-ours",
      severity: "error",
      from: { path: "^src/shared/" },
      to: {
        path: "^(src|workers|plugins|test|bench|models)/",
        pathNot: "^src/shared/",
      },
    },
    {
      name: "core-is-web-standard",
      severity: "error",
      from: { path: "^src/shared/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "core-has-no-runtime",
      severity: "error",
      from: { path: "^src/shared/" },
      to: { path: "node_modules/(onnxruntime|wrangler|@cloudflare|hono)" },
    },
    {
      name: "tasks-and-parse-stay-light",
      severity: "error",
      from: { path: "^src/shared/(tasks|parse)/" },
      to: {
        path: "^src/shared/(model|image)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    ...coreLayers,
    {
      name: "kernels-stand-alone",
      severity: "error",
      from: { path: "^src/kernels/" },
      to: { path: "^(src|workers|test)/", pathNot: "^src/kernels/" },
    },
    {
      name: "nobody-imports-kernels",
      comment: "The built modules reach the core as an argument.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/kernels/" },
      to: { path: "^src/kernels/" },
    },
    {
      name: "workers-import-built-kernels",
      severity: "error",
      from: { path: "^workers/" },
      to: { path: "^src/kernels/", pathNot: "^src/kernels/built/" },
    },
    {
      name: "http-is-portable",
      severity: "error",
      from: { path: "^src/http/" },
      to: { path: "^(src|workers)/", pathNot: "^src/(http|shared)/" },
    },
    {
      name: "http-has-no-platform",
      severity: "error",
      from: { path: "^src/http/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "tool-rooms-stand-alone",
      severity: "error",
      from: { path: "^src/(convert|evaluate|data-engine)/" },
      to: {
        path: "^(src|workers)/",
        pathNot: ["^src/(shared|node)/", "^src/$1/"],
      },
    },
    {
      name: "node-imports-only-the-core",
      severity: "error",
      from: { path: "^src/node/" },
      to: { path: "^(src|workers)/", pathNot: "^src/(node|shared)/" },
    },
    {
      name: "browser-imports-only-the-core",
      severity: "error",
      from: { path: "^src/browser/" },
      to: { path: "^(src|workers)/", pathNot: "^src/(browser|shared)/" },
    },
    {
      name: "browser-is-web-standard",
      comment: "All but its build runs in a page.",
      severity: "error",
      from: { path: "^src/browser/", pathNot: "^src/browser/build\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "nobody-imports-a-host",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(workers/|src/cli/)", pathNot: "^src/cli/" },
    },
    {
      name: "nobody-imports-the-browser",
      severity: "error",
      from: { path: "^(src|workers)/", pathNot: "^src/browser/" },
      to: { path: "^src/browser/" },
    },
    {
      name: "server-imports-http-node-and-core",
      severity: "error",
      from: { path: "^src/server/" },
      to: {
        path: "^(src|workers)/",
        pathNot: "^src/(server|http|node|shared)/",
      },
    },
    {
      name: "client-stands-alone",
      severity: "error",
      from: { path: "^packages/client/src/" },
      to: { pathNot: "^packages/client/src/" },
    },
    {
      name: "container-worker-stands-alone",
      severity: "error",
      from: { path: "^workers/container/" },
      to: { path: "^(src|packages|workers/edge)/" },
    },
    {
      name: "worker-imports-http-and-core",
      severity: "error",
      from: { path: "^workers/(edge|onnxruntime|phased|pictures|resident)/" },
      to: { path: "^src/", pathNot: "^src/(http|shared|kernels/built)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // What is built is judged by its sources.
    exclude: { path: "^packages/[^/]+/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
