// Whether a region got its category's name.

/**
 * Whether two names are the same in all but case, blanks and hyphens.
 *
 * The region's task writes freely: a synonym does not count, nor a plural.
 */
export function isSameCategory(answer: string, truth: string): boolean {
  return plainName(answer) === plainName(truth);
}

/** The form in which names of categories are compared. */
export function plainName(name: string): string {
  return name
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s_-]+/gu, " ")
    .trim();
}
