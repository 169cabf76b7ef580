// A model as if its bundle knew no chances: what calibration is fitted on.

import type { Manifest } from "../../shared/model/manifest.ts";

/** The manifest without its calibration. */
export function withoutCalibration(manifest: Manifest): Manifest {
  const raw = { ...manifest };
  delete raw.calibration;
  return raw;
}
