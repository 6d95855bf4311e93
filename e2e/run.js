// `node run.js [PATTERN]`: runs the scenarios whose names match, against a real server on the MariaDB that
// DATABASE_URL names (`make e2e`). `node run.js --negative`: breaks the client in many ways and runs a
// scenario against each, which must fail (`make e2e-negative`).
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
const { migrate, startSite, startWeChat, storedRatings, ROOT } = require("./server");

const AT_A_TIME = 6;
const CLIENT = path.join(ROOT, "miniprogram");
const PICTURES = process.env.PICTURES_DIR && path.resolve(ROOT, process.env.PICTURES_DIR);
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const began = Date.now();
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

// Serves each client under a path of its own.
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

// The article's score page in place of ours.
function articleClient(folder) {
  const copy = path.join(folder, "article");
  fs.cpSync(CLIENT, copy, { recursive: true });
  fs.cpSync(path.join(__dirname, "article", "pages"), path.join(copy, "pages"), { recursive: true });
  return buildClient(copy);
}

// What one scenario has to itself.
class World {
  constructor({ browser, site, upstream, client, number, pictures }) {
    Object.assign(this, { browser, site, upstream, client, pictures });
    this.accNbr = `1390000${String(number).padStart(4, "0")}`;
    this.phones = [];
    this.steps = [];
  }

  async begin() {
    this.proxy = await new FaultyProxy(this.upstream).start();
  }

  step(text) {
    this.steps.push(text);
  }

  async phone({ client = this.client, ...settings } = {}) {
    const phone = await Phone.unpack(this.browser, {
      site: `${this.site}/${client}`,
      proxy: this.proxy,
      ...settings,
    });
    this.phones.push(phone);
    return phone;
  }

  async picture(phone, name) {
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
    const reply = await fetch(`http://127.0.0.1:${this.upstream}${address}`, { headers });
    return { status: reply.status, data: await reply.json() };
  }

  // For the report of a failure.
  async whatIsSeen() {
    const texts = this.phones.map((phone) => phone.page.evaluate("document.body.innerText").catch(() => "(closed)"));
    const requests = this.proxy.seen.map((entry) => `${entry.method} ${entry.path} ${entry.status}`);
    return `\nOn the screens: ${(await Promise.all(texts)).join("\n---\n")}\nRequests: ${requests.join(", ")}`;
  }

  // Also looks at what went wrong quietly on a phone.
  async end() {
    const results = await Promise.allSettled(this.phones.map((phone) => phone.throwAway()));
    await this.proxy.stop();
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }
}

let numbers = 0;
async function live(scenario, surroundings) {
  numbers += 1;
  const world = new World({ ...surroundings, number: numbers });
  await world.begin();
  let error = null;
  try {
    await scenario(world);
  } catch (caught) {
    error = caught;
    error.message += await world.whatIsSeen();
  }
  await world.end().catch((caught) => {
    error = error ? new Error(`${error.message}\n${caught.message}\n${JSON.stringify(caught.actual)}`) : caught;
  });
  return { error, steps: world.steps };
}

// Runs tasks side by side, a few at a time.
async function inParallel(tasks) {
  const waiting = [...tasks];
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
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
  const closing = [() => fs.rmSync(temporary, { recursive: true, force: true })];
  let failures = 0;
  let ran = 0;
  try {
    const clients = { ours: buildClient(CLIENT), article: articleClient(temporary) };
    console.log(`the client passes WeChat's wcc and wcsc (${seconds(began)})`);
    await migrate();
    const wechat = await startWeChat();
    closing.unshift(() => wechat.stop());
    const [plain, withLogin] = await Promise.all([startSite(), startSite(wechat.settings)]);
    closing.unshift(
      () => plain.stop(),
      () => withLogin.stop(),
    );
    console.log(`the server runs on MariaDB, once without and once with WeChat login (${seconds(began)})`);
    const pagesServer = await serveClients(clients);
    closing.unshift(() => pagesServer.close());
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
    closing.unshift(() => browser.close());
    const surroundings = {
      browser,
      site: `http://127.0.0.1:${pagesServer.address().port}`,
      client: "ours",
      pictures,
      wechat,
    };

    const task = (name, scenario, upstream) => async () => {
      const start = Date.now();
      const { error, steps } = await live((world) => scenario(Object.assign(world, { wechat })), {
        ...surroundings,
        upstream,
      });
      ran += 1;
      console.log(`${error ? "FAILED" : "ok"}  ${name} (${seconds(start)})`);
      for (const step of steps) console.log(`      ${step}`);
      if (error) {
        failures += 1;
        console.log(`${error.message}\n${error.stack}`);
      }
    };
    const chosen = (all) => Object.entries(all).filter(([name]) => pattern.test(name));
    if (!negative) {
      await inParallel([
        ...chosen(scenarios).map(([name, scenario]) => task(name, scenario, plain.port)),
        ...chosen(loginScenarios).map(([name, scenario]) => task(name, scenario, withLogin.port)),
      ]);
    } else {
      const begin = (client, scenario) =>
        live(scenario, { ...surroundings, client, upstream: plain.port, pictures: null });
      const result = await checkMutations({
        folder: CLIENT,
        temporary,
        clients,
        begin,
        inParallel,
        all: scenarios,
      });
      failures = result.missed;
      ran = result.caught + result.missed;
    }
    if (!ran) throw new Error(`no scenario matches ${pattern}`);
  } finally {
    for (const close of closing) await close();
  }
  const what = negative ? "broken clients caught" : "scenarios passed";
  console.log(`e2e: ${ran - failures} of ${ran} ${what}, ${failures} failed (${seconds(began)})`);
  process.exitCode = failures ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
