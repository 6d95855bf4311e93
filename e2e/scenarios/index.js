// All scenarios by name: {scenario, needsLogin}. Each has its own account number, proxy and phones, so they run in
// parallel.
const SUBJECTS = ["rating", "delivery", "outbox", "typing", "storage", "codes", "page", "app", "layout", "login"];

const scenarios = {};
for (const subject of SUBJECTS) {
  for (const [name, scenario] of Object.entries(require(`./${subject}`).scenarios)) {
    if (scenarios[name]) throw new Error(`two scenarios are named ${name}`);
    scenarios[name] = { scenario, needsLogin: subject === "login" };
  }
}

module.exports = { scenarios };
