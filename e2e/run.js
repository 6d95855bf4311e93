// `node run.js [PATTERN]` runs the scenarios whose names match, against a real server on the MariaDB of
// DATABASE_URL (`make e2e`). `node run.js --negative` breaks the client in many ways and runs one scenario
// against each broken client; the scenario must fail (`make e2e-negative`).
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { buildClient, buildRuntime } = require("./build");
const { FaultyProxy } = require("./faulty_proxy");
const { checkMutations } = require("./negative");
const { Phone } = require("./phone");
const { scenarios } = require("./scenarios");
const { scenarios: loginScenarios } = require("./login_scenarios");
const { migrate, startSite, startWeChatStub, storedRatings, ROOT } = require("./server");

const PARALLEL_SCENARIOS = 6;
const CLIENT = path.join(ROOT, "miniprogram");
const PICTURES = process.env.PICTURES_DIR && path.resolve(ROOT, process.env.PICTURES_DIR);
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const startedAt = Date.now();
const elapsed = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

// Serves each client under its own path.
function serveClients(clients) {
  const runtime = buildRuntime();
  const document =
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">' +
    '<link rel="icon" href="data:,"><body><script src="client.js"></script><script src="/runtime.js"></script>';
  const server = http.createServer((request, response) => {
    const address = request.url.split("?")[0];
    const [, name, file] = /^\/([^/]+)\/(client\.js)?$/.exec(address) ?? [];
    const [type, body] =
      address === "/runtime.js"
        ? ["text/javascript", runtime]
        : file
          ? ["text/javascript", clients[name]]
          : ["text/html", document];
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` });
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

// Builds the client with the article's score page instead of ours.
function buildArticleClient(folder) {
  const copy = path.join(folder, "article");
  fs.cpSync(CLIENT, copy, { recursive: true });
  fs.cpSync(path.join(__dirname, "article", "pages"), path.join(copy, "pages"), { recursive: true });
  return buildClient(copy);
}

// The surroundings of one scenario: its account number, proxy and phones.
class World {
  constructor({ browser, site, serverPort, client, number, pictures, wechat }) {
    Object.assign(this, { browser, site, serverPort, client, pictures, wechat });
    this.accNbr = `1390000${String(number).padStart(4, "0")}`;
    this.phones = [];
    this.steps = [];
  }

  async start() {
    this.proxy = await new FaultyProxy(this.serverPort).start();
  }

  step(text) {
    this.steps.push(text);
  }

  async newPhone({ client = this.client, ...settings } = {}) {
    const phone = await Phone.create(this.browser, {
      site: `${this.site}/${client}`,
      proxy: this.proxy,
      ...settings,
    });
    this.phones.push(phone);
    return phone;
  }

  async takePicture(phone, name) {
    if (!this.pictures) return;
    await phone.page.screenshot({
      path: path.join(this.pictures, `${name}.png`),
      fullPage: !name.endsWith("-sent"),
      animations: "disabled",
    });
  }

  rows(accNbr = this.accNbr) {
    return storedRatings(accNbr);
  }

  async get(address, headers = {}) {
    const reply = await fetch(`http://127.0.0.1:${this.serverPort}${address}`, { headers });
    return { status: reply.status, data: await reply.json() };
  }

  // The screens and requests, for the report of a failure.
  async describeState() {
    const texts = this.phones.map((phone) => phone.page.evaluate("document.body.innerText").catch(() => "(closed)"));
    const requests = this.proxy.requests.map((entry) => `${entry.method} ${entry.path} ${entry.status}`);
    return `\nOn the screens: ${(await Promise.all(texts)).join("\n---\n")}\nRequests: ${requests.join(", ")}`;
  }

  // Fails if a phone reported an error that the scenario did not see.
  async close() {
    const results = await Promise.allSettled(this.phones.map((phone) => phone.close()));
    await this.proxy.stop();
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }
}

let worldCount = 0;
async function runScenario(scenario, options) {
  worldCount += 1;
  const world = new World({ ...options, number: worldCount });
  await world.start();
  let error = null;
  try {
    await scenario(world);
  } catch (caught) {
    error = caught;
    error.message += await world.describeState();
  }
  await world.close().catch((caught) => {
    error = error ? new Error(`${error.message}\n${caught.message}\n${JSON.stringify(caught.actual)}`) : caught;
  });
  return { error, steps: world.steps };
}

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
  const negative = process.argv[2] === "--negative";
  const pattern = new RegExp(negative ? "" : (process.argv[2] ?? ""));
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "miniprogram-e2e-"));
  const pictures = PICTURES || path.join(temporary, "pictures");
  fs.mkdirSync(pictures, { recursive: true });
  const cleanups = [() => fs.rmSync(temporary, { recursive: true, force: true })];
  let failures = 0;
  let ran = 0;
  try {
    const clients = { ours: buildClient(CLIENT), article: buildArticleClient(temporary) };
    console.log(`WeChat's compilers wcc and wcsc accept the client (${elapsed(startedAt)})`);
    await migrate();
    const wechat = await startWeChatStub();
    cleanups.unshift(() => wechat.stop());
    const [plainSite, loginSite] = await Promise.all([startSite(), startSite(wechat.settings)]);
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
    const options = {
      browser,
      site: `http://127.0.0.1:${pagesServer.address().port}`,
      client: "ours",
      pictures,
      wechat,
    };

    const task = (name, scenario, serverPort) => async () => {
      const start = Date.now();
      const { error, steps } = await runScenario(scenario, { ...options, serverPort });
      ran += 1;
      console.log(`${error ? "FAILED" : "ok"}  ${name} (${elapsed(start)})`);
      for (const step of steps) console.log(`      ${step}`);
      if (error) {
        failures += 1;
        console.log(`${error.message}\n${error.stack}`);
      }
    };
    const selected = (all) => Object.entries(all).filter(([name]) => pattern.test(name));
    if (!negative) {
      await runInParallel([
        ...selected(scenarios).map(([name, scenario]) => task(name, scenario, plainSite.port)),
        ...selected(loginScenarios).map(([name, scenario]) => task(name, scenario, loginSite.port)),
      ]);
    } else {
      const runOn = (client, scenario) =>
        runScenario(scenario, { ...options, client, serverPort: plainSite.port, pictures: null });
      const result = await checkMutations({
        folder: CLIENT,
        temporary,
        clients,
        runOn,
        runInParallel,
        scenarios,
      });
      failures = result.missed;
      ran = result.caught + result.missed;
    }
    if (!ran) throw new Error(`no scenario matches ${pattern}`);
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
