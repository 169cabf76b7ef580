import type { Host } from "../host.ts";
import { createRemoteEngine } from "./remote-engine.ts";

/** The host with the engines that its configuration lists behind its own. */
export function withFarEngines(host: Host): Host {
  const { config, engines, outbound, platform } = host;
  return {
    ...host,
    engines: [
      ...engines,
      ...config.engines.map(({ name, url }) =>
        createRemoteEngine({ name, url, config, outbound, platform }),
      ),
    ],
  };
}
