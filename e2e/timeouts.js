// How long the tests wait for a result that must come, in milliseconds. A broken client never shows it, so
// `run.js --negative` waits less.
const isNegative = process.argv.includes("--negative");

module.exports = { WAIT_TIMEOUT: isNegative ? 6000 : 15000, ACTION_TIMEOUT: isNegative ? 8000 : 20000 };
