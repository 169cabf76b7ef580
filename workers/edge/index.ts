// The edge Worker: the HTTP API over the model in the box.

import { createApp } from "../../src/http/app.ts";
import type { App } from "../../src/http/route.ts";
import { BOX_MODEL } from "./box-model.ts";
import { createEdgeHost, createEdgeSessions } from "./edge-host.ts";

interface Env {
  /** The bundle's weights and tokenizer. */
  readonly ASSETS: Fetcher;
}

let app: App | null = null;

export default {
  fetch(request, env, context) {
    app ??= createApp(
      createEdgeHost(
        BOX_MODEL,
        // The host name is not looked at: the binding serves this Worker's own.
        (file) => env.ASSETS.fetch(`https://assets.local/${file}`),
        createEdgeSessions(),
      ),
    );
    return app.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
