// Opens one graph of a bundle on a host.

import { FlorenceError } from "../../errors.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type { Session, SessionFactory } from "../session.ts";

/**
 * Opens a graph the manifest names.
 *
 * @throws FlorenceError `bundle_invalid` if the manifest has no such graph or
 *   the runtime refuses it.
 */
export async function openGraph(
  name: string,
  manifest: Manifest,
  bundle: BundleSource,
  sessions: SessionFactory,
): Promise<Session> {
  const graph = manifest.graphs[name];
  if (graph === undefined) {
    throw new FlorenceError(
      "bundle_invalid",
      `${bundle.name} has no graph "${name}". Convert the model again with florence convert.`,
    );
  }
  if (bundle.locate !== undefined) {
    return await sessions.open({
      graph: bundle.locate(graph.file),
      weights: {},
    });
  }
  const weights: Record<string, Uint8Array> = {};
  for (const file of graph.weights) weights[file] = await bundle.read(file);
  return await sessions.open({ graph: await bundle.read(graph.file), weights });
}

/** Opens several graphs one after another; closes all if one fails. */
export async function openGraphs<Name extends string>(
  names: readonly Name[],
  manifest: Manifest,
  bundle: BundleSource,
  sessions: SessionFactory,
): Promise<Record<Name, Session>> {
  const opened: Partial<Record<Name, Session>> = {};
  try {
    for (const name of names) {
      opened[name] = await openGraph(name, manifest, bundle, sessions);
    }
  } catch (error) {
    await disposeSessions(opened);
    throw error;
  }
  // Every name has been opened, or the loop would have thrown.
  return opened as Record<Name, Session>;
}

/** Disposes sessions, all of them. */
export async function disposeSessions(
  sessions: Readonly<Record<string, Session | undefined>>,
): Promise<void> {
  for (const session of Object.values(sessions)) await session?.dispose();
}
