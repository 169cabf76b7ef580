// Phrases that name nothing in particular; grounding answers them with boxes
// that mean nothing. Source: the phrase-grounding settings in the processor
// configuration of the native Florence-2 checkpoints.

/** In the reference's spelling, which is compared as it is written. */
export const GENERIC_PHRASES: ReadonlySet<string> = new Set(
  [
    "it I me mine you your yours he him his she her hers they them their",
    "theirs one oneself we us our ours its myself yourself himself herself",
    "itself ourselves yourselves themselves this that these those who whom",
    "whose which what all another any anybody anyone anything each everybody",
    "everyone everything few many nobody none several some somebody someone",
    "something image images the a an lots",
  ]
    .join(" ")
    .split(" ")
    .concat(
      "each other",
      "one another",
      "the image",
      "a group",
      "other objects",
      "a set",
    ),
);
