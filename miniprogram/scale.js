// The range of grades, as the pages show it.
const WORDS = ["很不满意", "不满意", "一般", "满意", "很满意"];
const MAX_STARS = 10; // a longer range is typed as a number
const LOW_SHARE = 0.4; // of the range: 1 and 2 of 1 to 5

// The word for a grade of a five-grade range, or "".
const wordFor = (range, value) =>
  range.grade_max - range.grade_min === WORDS.length - 1 ? WORDS[value - range.grade_min] || "" : "";

// The values to tap, lowest first, or none if the grades are typed. A star stands for one point, so a
// range must begin at 1 or at 0; a 0 is a choice of its own and not a star.
function values(range) {
  if (range.grade_min > 1 || range.grade_max > MAX_STARS) return [];
  const list = [];
  for (let value = range.grade_min; value <= range.grade_max; value += 1) list.push(value);
  return list;
}

// The options of a grade with the texts for screen readers.
const options = (range) =>
  values(range).map((value) => ({
    value,
    isZero: value === 0,
    label: [`${value} 分`].concat(wordFor(range, value) || []).join("，"),
  }));

// The text beside a chosen grade: 很满意, or 8 分 in a range without words.
const text = (range, value) => wordFor(range, value) || `${value} 分`;

const isLow = (range, value) => (value - range.grade_min) / (range.grade_max - range.grade_min) < LOW_SHARE;

module.exports = { options, text, values, wordFor, isLow };
