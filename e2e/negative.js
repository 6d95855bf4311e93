// Checks the scenarios: a client broken in one place (mutations.js) must fail, with the expected error.
const fs = require("node:fs");
const path = require("node:path");
const { buildClient, BuildError } = require("./build");
const { AT_BUILD, MUTATIONS } = require("./mutations");

const ATTEMPTS = 3;

function breakClient(folder, copy, { changes }) {
  fs.cpSync(folder, copy, { recursive: true });
  for (const [file, text, replacement] of changes) {
    const source = fs.readFileSync(path.join(copy, file), "utf8");
    if (!source.includes(text)) throw new Error(`${file} has no ${JSON.stringify(text)}: update mutations.js`);
    fs.writeFileSync(
      path.join(copy, file),
      source.replaceAll(text, () => replacement),
    );
  }
}

const listMutations = () =>
  Object.entries(MUTATIONS).flatMap(([scenario, mutations]) =>
    mutations.map(([name, file, text, replacement, expected, more = []]) => ({
      ...{ scenario, name, expected },
      changes: [[file, text, replacement], ...more],
    })),
  );

// `runOn(scenario, {client})` runs a scenario with one of `clients` and resolves to {error}.
async function checkMutations({ folder, temporary, clients, runOn, runInParallel, scenarios, pattern }) {
  let caught = 0;
  let missed = 0;
  const check = async (mutation, index) => {
    const { name, scenario, expected } = mutation;
    if (scenario !== AT_BUILD && !scenarios[scenario]) throw new Error(`no scenario is named ${scenario}`);
    const client = `broken-${index}`;
    let error = null;
    try {
      breakClient(folder, path.join(temporary, client), mutation);
      clients[client] = buildClient(path.join(temporary, client));
    } catch (refusal) {
      if (!(refusal instanceof BuildError)) throw refusal;
      error = refusal;
    }
    if (!error && scenario !== AT_BUILD) {
      // Another error may come from a busy machine, so the scenario then runs again.
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        ({ error } = await runOn(scenarios[scenario], { client }));
        if (!error || expected.test(error.message)) break;
      }
    }
    const isCaught = Boolean(error) && expected.test(error.message);
    if (isCaught) caught += 1;
    else missed += 1;
    console.log(`${isCaught ? "caught" : "MISSED"}  ${name}${isCaught ? `: ${error.headline ?? error.message}` : ""}`);
    if (!isCaught) console.log(error ? `failed with another error: ${error.stack}` : "the scenario passed");
  };
  const selected = listMutations().filter(({ name }) => pattern.test(name));
  await runInParallel(selected.map((mutation, index) => () => check(mutation, index)));
  return { caught, missed };
}

module.exports = { checkMutations };
