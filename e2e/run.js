// `node run.js [PATTERN]` runs the scenarios whose names match, against a real server on the MariaDB of
// DATABASE_URL (`make e2e`). `node run.js --negative [PATTERN]` breaks the client in many ways and runs one
// scenario against each broken client; the scenario must fail (`make e2e-negative`).
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { buildClient } = require("./build");
const { buildArticleClient, serveClients } = require("./clients");
const { checkMutations } = require("./negative");
const { scenarios } = require("./scenarios");
const { LIMITS, migrate, startSite, startWeChatStub, ROOT } = require("./server");
const { runScenario } = require("./world");

const PARALLEL_SCENARIOS = Number(process.env.E2E_PARALLEL || 6);
const CLIENT = path.resolve(ROOT, process.env.CLIENT || "miniprogram");
const PICTURES = process.env.PICTURES_DIR && path.resolve(ROOT, process.env.PICTURES_DIR);
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const startedAt = Date.now();
const elapsed = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

// Runs the tasks in parallel, PARALLEL_SCENARIOS at a time.
async function runInParallel(tasks) {
  const waiting = [...tasks];
  await Promise.all(
    Array.from({ length: PARALLEL_SCENARIOS }, async () => {
      while (waiting.length) await waiting.shift()();
    }),
  );
}

async function main() {
  const args = process.argv.slice(2);
  const negative = args[0] === "--negative";
  const pattern = new RegExp((negative ? args[1] : args[0]) ?? "");
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "miniprogram-e2e-"));
  if (PICTURES) fs.mkdirSync(PICTURES, { recursive: true });
  const cleanups = [() => fs.rmSync(temporary, { recursive: true, force: true })];
  let failures = 0;
  let ran = 0;
  try {
    const clients = { ours: buildClient(CLIENT), article: buildArticleClient(CLIENT, temporary) };
    console.log(`WeChat's compilers wcc and wcsc accept the client (${elapsed(startedAt)})`);
    await migrate();
    const wechat = await startWeChatStub();
    cleanups.unshift(() => wechat.stop());
    const [plainSite, loginSite] = await Promise.all([startSite(LIMITS), startSite(wechat.settings)]);
    cleanups.unshift(
      () => plainSite.stop(),
      () => loginSite.stop(),
    );
    console.log(`the server runs on MariaDB, without and with WeChat login (${elapsed(startedAt)})`);
    const pagesServer = await serveClients(clients);
    cleanups.unshift(() => pagesServer.close());
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    cleanups.unshift(() => browser.close());
    const options = { browser, site: `http://127.0.0.1:${pagesServer.address().port}`, client: "ours", wechat };
    const runOn = ({ scenario, needsLogin }, changes) =>
      runScenario(scenario, { ...options, serverPort: (needsLogin ? loginSite : plainSite).port, ...changes });

    const task = (name) => async () => {
      const start = Date.now();
      const { error, steps } = await runOn(scenarios[name], { pictures: PICTURES });
      ran += 1;
      console.log(`${error ? "FAILED" : "ok"}  ${name} (${elapsed(start)})`);
      for (const step of steps) console.log(`      ${step}`);
      if (error) {
        failures += 1;
        console.log(`      because: ${error.headline}`);
        console.log(`${error.message}\n${error.stack}\n${error.cause ?? ""}`);
      }
    };
    if (!negative) {
      await runInParallel(
        Object.keys(scenarios)
          .filter((name) => pattern.test(name))
          .map(task),
      );
    } else {
      const result = await checkMutations({ folder: CLIENT, temporary, clients, runOn, runInParallel, scenarios, pattern });
      failures = result.missed;
      ran = result.caught + result.missed;
    }
    if (!ran) throw new Error(`nothing matches ${pattern}`);
  } finally {
    for (const cleanUp of cleanups) await cleanUp();
  }
  const result = negative ? "broken clients caught" : "scenarios passed";
  console.log(`e2e: ${ran - failures} of ${ran} ${result}, ${failures} failed (${elapsed(startedAt)})`);
  process.exitCode = failures ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
