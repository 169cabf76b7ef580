// The form in which two answers to a question are the same answer: no articles,
// no punctuation, numbers as digits, apostrophes where they belong.

const NUMBERS = new Map(
  "zero one two three four five six seven eight nine ten"
    .split(" ")
    .map((word, number) => [word, String(number)]),
);
NUMBERS.set("none", "0");

const ARTICLES = new Set(["a", "an", "the"]);

/** In the rule's order: a mark taken out may change what the next one sees. */
const PUNCTUATION = Array.from(`;/[]"{}()=+\\_-><@\`,?!`);

/** Periods that are not part of a number; the rule removes 32 at most. */
const PERIOD = /\.(?!\p{Nd})/gu;
const MOST_PERIODS = 32;

/** Words whose apostrophes are put back, one missing in each spelling. */
const CONTRACTED =
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've";

const SPELLINGS = new Map(
  CONTRACTED.split(" ").flatMap((word) =>
    [...word.matchAll(/'/gu)].map(({ index }): [string, string] => [
      word.slice(0, index) + word.slice(index + 1),
      word,
    ]),
  ),
);
// The rule's own slip.
SPELLINGS.set("somebody'd", "somebodyd");

/**
 * Normalizes an answer as VQA's server and TextVQA do.
 *
 * Source: `EvalAIAnswerProcessor` of facebookresearch/mmf, its oddities
 *   included.
 */
export function normalizeAnswer(answer: string): string {
  const words = answer
    .toLowerCase()
    .replace(/[,?]/gu, "")
    .replaceAll("'s", " 's")
    .trim()
    .replace(/[\n\t]/gu, " ")
    .trim();
  return withoutPunctuation(words)
    .split(/\s+/u)
    .filter((word) => word !== "")
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => SPELLINGS.get(word) ?? word)
    .join(" ");
}

/** A mark with a blank beside it anywhere goes; any other parts two words. */
function withoutPunctuation(text: string): string {
  let result = text;
  for (const mark of PUNCTUATION) {
    const isLoose = text.includes(`${mark} `) || text.includes(` ${mark}`);
    result = result.replaceAll(mark, isLoose ? "" : " ");
  }
  let removed = 0;
  return result.replace(PERIOD, (period) => {
    removed += 1;
    return removed <= MOST_PERIODS ? "" : period;
  });
}
