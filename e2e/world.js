// The surroundings of one scenario: its account number, proxy and phones.
const path = require("node:path");
const { FaultyProxy } = require("./faulty_proxy");
const { Phone } = require("./phone");
const { makeCode, storedRatings } = require("./server");

// A kept connection that the server closes just then would fail a request of the test itself.
const NOT_KEPT = { Connection: "close" };

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

  // The first screen of an empty form, and the toast; else the whole page, as on a screen of its height, so that
  // the bar at the bottom covers nothing.
  async takePicture(phone, name) {
    if (!this.pictures) return;
    const { page } = phone;
    await page.evaluate(() => document.activeElement?.blur());
    const viewport = page.viewportSize();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    const isWhole = !/empty|toast/.test(name) && height > viewport.height;
    if (isWhole) await page.setViewportSize({ ...viewport, height });
    await page.screenshot({ path: path.join(this.pictures, `${name}.png`), animations: "disabled" });
    if (isWhole) await page.setViewportSize(viewport);
  }

  rows(accNbr = this.accNbr) {
    return storedRatings(accNbr);
  }

  // The printed code of a dispatch of this account.
  makeCode(area) {
    return makeCode(this.accNbr, area);
  }

  async get(address, headers = {}) {
    const reply = await fetch(`http://127.0.0.1:${this.serverPort}${address}`, { headers: { ...headers, ...NOT_KEPT } });
    return { status: reply.status, data: await reply.json() };
  }

  // Another client of the server.
  post(address, data) {
    return fetch(`http://127.0.0.1:${this.serverPort}${address}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...NOT_KEPT },
      body: JSON.stringify(data),
    });
  }

  // The screens and requests, for the report of a failure.
  async describeState() {
    const texts = this.phones.map((phone) => phone.page?.evaluate("document.body.innerText").catch(() => "(closed)"));
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

// The start of an error's message in one line.
const headline = (message) =>
  message
    .split("\n")
    .filter((line) => line.trim() && !/^\+ actual/.test(line))
    .join(" ")
    .slice(0, 240);

let worldCount = 0;

// Resolves to {error, steps}; error is null if the scenario passed.
async function runScenario(scenario, options) {
  worldCount += 1;
  const world = new World({ ...options, number: worldCount });
  await world.start();
  let error = null;
  try {
    await scenario(world);
  } catch (caught) {
    error = caught;
    error.headline = headline(caught.message);
    error.message += await world.describeState();
  }
  await world.close().catch((caught) => {
    const details = caught.actual ? JSON.stringify(caught.actual) : "";
    const first = error?.headline ?? headline(`${caught.message.split("\n")[0]}: ${details}`);
    error = error ? new Error(`${error.message}\n${caught.message}\n${details}`) : caught;
    error.headline = first;
  });
  return { error, steps: world.steps };
}

module.exports = { runScenario };
