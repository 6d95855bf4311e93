// Characters as the server counts them: code points. "👍".length is 2, and it is one character.
function count(text) {
  return Array.from(text).length;
}

module.exports = { count };
