// Nouns that no box can be drawn around. Phrases with such a head are no region
// of a photo.

/** Lemmas; kinds of pictures, parts of space, time, amounts, states. */
export const ABSTRACT_NOUNS: ReadonlySet<string> = new Set(
  [
    "image photo photograph picture view shot scene snapshot close-up closeup",
    "background foreground front back top bottom side middle center left right",
    "corner edge end part piece way direction distance position place spot",
    "area space inside outside rest surrounding environment setting location",
    "time day night morning evening afternoon season moment while year",
    "lot bunch couple number variety kind type sort amount set group pair",
    "color style design size shape pattern type quality look appearance",
    "action activity motion movement use purpose work fun love life idea",
    "reason thing stuff object item other one each event occasion conversation",
    "weather atmosphere mood feeling attention interest thought air light",
  ]
    .join(" ")
    .split(" "),
);
