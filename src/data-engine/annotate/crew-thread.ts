// Entry of a thread that annotates photos.

import { loadImageCodecs } from "../../node/image-codecs.ts";
import { openSpecialist } from "../specialists/open-specialist.ts";
import type { Specialist } from "../specialists/specialist.ts";
import { serveJobs } from "../threads/serve-jobs.ts";
import { annotatePhoto } from "./annotate-photo.ts";
import type { Assignment, CrewSettings } from "./crew.ts";

await serveJobs(
  async ({ folder, specialists: specs, threads }: CrewSettings) => {
    const codecs = await loadImageCodecs();
    const specialists: Specialist[] = [];
    for (const spec of specs)
      specialists.push(await openSpecialist(spec, { threads }));
    return {
      ready: specialists.map(({ source, listens }) => ({ source, listens })),
      work: (assignment: Assignment) =>
        annotatePhoto(folder, assignment, specialists, codecs),
    };
  },
);
