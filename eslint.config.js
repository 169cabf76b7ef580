import tseslint from "typescript-eslint";

const SYNTAX = [
  {
    selector: "ExportAllDeclaration",
    message: "List what is public by hand.",
  },
  {
    selector: "TSEnumDeclaration",
    message: "Use a union of strings.",
  },
];

const UNCHECKED =
  "An address from outside goes through fetchUntrusted, one of ours through host.outbound in src/http/engine.";

export default tseslint.config(
  {
    ignores: [
      "node_modules/",
      ".wrangler/",
      "**/dist/",
      "models/",
      "**/*.cjs",
      // Linted by n8n's own rules.
      "plugins/n8n/",
    ],
  },
  {
    files: ["**/*.ts"],
    // AssemblyScript has types and rules of its own, at the end.
    ignores: ["src/kernels/assembly/**"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          "./tsconfig.json",
          "./src/shared/tsconfig.json",
          "./src/browser/tsconfig.json",
          "./examples/browser/tsconfig.json",
          "./workers/edge/tsconfig.json",
          "./workers/container/tsconfig.json",
          "./packages/client/tsconfig.json",
          "./test/n8n/tsconfig.json",
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "no-restricted-exports": [
        "error",
        { restrictDefaultExports: { direct: true, named: true } },
      ],
      "no-restricted-syntax": ["error", ...SYNTAX],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    // node:test's `test` and `describe` return promises that the runner awaits.
    files: ["test/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off" },
  },
  {
    // Cloudflare wants a default export from a Worker's entry.
    files: [
      "workers/*/index.ts",
      "workers/resident/part.ts",
      "test/workerd/worker/index.ts",
      "test/workerd/worker/compare.ts",
      "test/faults/worker/index.ts",
    ],
    rules: { "no-restricted-exports": "off" },
  },
  {
    // An address from a request must never be asked unchecked.
    files: ["src/http/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: UNCHECKED },
        { name: "WebSocket", message: UNCHECKED },
        { name: "EventSource", message: UNCHECKED },
        { name: "XMLHttpRequest", message: UNCHECKED },
      ],
      "no-restricted-properties": [
        "error",
        { object: "globalThis", property: "fetch", message: UNCHECKED },
        { object: "self", property: "fetch", message: UNCHECKED },
      ],
    },
  },
  {
    // Engines and the issuer of tokens are hosts of our own configuration.
    files: ["src/http/**/*.ts"],
    ignores: [
      "src/http/outbound/**",
      "src/http/engine/**",
      "src/http/auth/tokens.ts",
    ],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...SYNTAX,
        {
          selector:
            "MemberExpression[property.name='fetch']:matches([object.name='outbound'], [object.property.name='outbound'])",
          message: UNCHECKED,
        },
      ],
    },
  },
  {
    files: ["src/shared/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "The core makes no request." },
        { name: "process", message: "The core knows no platform." },
        { name: "Buffer", message: "The core knows no platform." },
        { name: "setTimeout", message: "The core has no clock." },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "The core has no clock." },
        {
          object: "Math",
          property: "random",
          message: "No randomness without a seed.",
        },
      ],
    },
  },
  {
    // Kernels allocate nothing: no objects, arrays, text or closures.
    files: ["src/kernels/assembly/**/*.ts"],
    extends: [tseslint.configs.recommended],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...SYNTAX,
        {
          selector:
            "NewExpression, ArrayExpression, ObjectExpression, TemplateLiteral, ArrowFunctionExpression, FunctionExpression, ClassDeclaration",
          message: "A kernel works in memory that its caller gives it.",
        },
        {
          selector:
            "CallExpression[callee.object.name='memory'][callee.property.name='grow']",
          message: "The host owns the memory.",
        },
      ],
    },
  },
);
