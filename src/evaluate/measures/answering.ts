// Questions about photos. None of the 15 tasks answers questions, so nothing is
// asked; the measure is there to say so, and for models that one day do.

import type { Measure } from "./measure.ts";

/** Visual question answering: told as not measured. */
export const answering: Measure = {
  name: "answering",
  title: "Questions",
  task: null,
  asks: ({ questions }) =>
    questions.some(({ answers }) => answers.length > 0)
      ? [{ id: "answer", request: { task: "answer" } }]
      : [],
  judge: () => ({ figures: [], cases: [], outcomes: [], notes: [] }),
};
