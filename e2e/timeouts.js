// How long the tests wait for a result that must come, in milliseconds. A broken client never shows it, so
// `run.js --negative` waits less.
const isNegative = process.argv.includes("--negative");

module.exports = {
  START_TIMEOUT: 30000, // until the app runs
  WAIT_TIMEOUT: isNegative ? 8000 : 15000, // until the page shows a result
  ACTION_TIMEOUT: isNegative ? 10000 : 20000, // until a tap finds its element
};
