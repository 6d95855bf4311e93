// Counts code points, as the server does: "👍".length is 2, but it is one character.
function count(text) {
  return Array.from(text).length;
}

module.exports = { count };
