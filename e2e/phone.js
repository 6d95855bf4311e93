// One phone: a browser context in which the client runs, with the phone's own storage, network and
// WeChat identity. Closing the app keeps the storage.
const assert = require("node:assert/strict");
const http = require("node:http");

const BASE_URL = "https://rate.example.cn"; // the only domain in this mini program's list
const AGENT = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50 MiniProgramEnv/android";
const REFERER = "https://servicewechat.com/touristappid/0/page-frame.html";
// A request that the client gives up after 15 s is given up after 3 s here.
const TIME_SCALE = 5;
// Milliseconds: for a tap to find its place on a busy machine, and for the page to show what it should.
const REACH = 20000;
const PATIENCE = 15000;

// What wx.request's network stack does: resolves to {status, headers, body} or to {error}.
function send(port, { url, method, headers, body, timeout }) {
  if (!url.startsWith(`${BASE_URL}/`)) return Promise.resolve({ error: "url not in domain list" });
  return new Promise((resolve) => {
    const length = body === null ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request({
      port,
      host: "127.0.0.1",
      path: url.slice(BASE_URL.length),
      method,
      agent: false,
      headers: { ...headers, ...length, referer: REFERER, "user-agent": AGENT },
    });
    const timer = setTimeout(() => {
      resolve({ error: "timeout" });
      request.destroy();
    }, timeout / TIME_SCALE);
    const fail = (error) => resolve({ error: error.message });
    request.on("error", fail);
    request.on("close", () => clearTimeout(timer));
    request.on("response", async (reply) => {
      try {
        const chunks = [];
        for await (const chunk of reply) chunks.push(chunk);
        const names = reply.rawHeaders.filter((_, i) => i % 2 === 0);
        const sent = Object.fromEntries(names.map((name, i) => [name, reply.rawHeaders[2 * i + 1]]));
        resolve({ status: reply.statusCode, headers: sent, body: Buffer.concat(chunks).toString("utf8") });
      } catch (error) {
        fail(error);
      }
    });
    request.end(body ?? undefined);
  });
}

class Phone {
  static async unpack(
    browser,
    { site, proxy, width = 375, fontSize = 16, asksForPrivacy = false, loginCode = () => "", patience = PATIENCE },
  ) {
    const phone = new Phone();
    phone.site = site;
    phone.proxy = proxy;
    phone.toasts = [];
    phone.visited = []; // [function of wx, address]
    phone.faults = [];
    phone.patience = patience;
    phone.context = await browser.newContext({ viewport: { width, height: 667 }, hasTouch: true, isMobile: true });
    phone.context.setDefaultTimeout(REACH);
    const settings = { fontSize, asksForPrivacy, privacyContract: "《服务评价小程序隐私保护指引》" };
    await phone.context.addInitScript(`window.phoneSettings = ${JSON.stringify(settings)}`);
    await phone.context.exposeFunction("phoneRequest", (request) => send(phone.proxy.port, request));
    await phone.context.exposeFunction("phoneLogin", () => loginCode());
    await phone.context.exposeFunction("phoneNote", (name, detail) => phone.note(name, detail));
    return phone;
  }

  note(name, detail) {
    if (name === "toast") this.toasts.push(detail);
    else if (name === "fault") this.faults.push(detail);
    else this.visited.push([name, detail]);
  }

  // Opens the app at a page, as by a link or a QR code; `query` stands after the question mark.
  async open(page = "pages/score/score", query = "") {
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.faults.push(error.message));
    this.page.on("console", (message) => message.type() === "error" && this.faults.push(message.text()));
    const address = new URLSearchParams({ page, query });
    await this.page.goto(`${this.site}/?${address}`);
    await this.page.waitForFunction("window.phoneIsReady || undefined", null, { timeout: this.patience }).catch(() => {
      throw new Error(`the app does not start: ${this.faults.join("; ")}`);
    });
  }

  // The app is swiped away, whatever it was doing.
  kill() {
    return this.page.close();
  }

  async throwAway() {
    await this.context.close();
    assert.deepEqual(this.faults, [], "the client's script, its markup or a call of wx is at fault");
  }

  storage(key) {
    return this.page.evaluate((name) => JSON.parse(localStorage.getItem(`wx:${name}`)), key);
  }

  setStorage(key, value) {
    return this.page.evaluate(([name, text]) => localStorage.setItem(`wx:${name}`, text), [key, JSON.stringify(value)]);
  }

  // --- What a customer does -----------------------------------------------------------------------

  type(field, text) {
    return this.page.fill(`#field-${field} :is(input, textarea)`, text);
  }

  // By the label that a screen reader says.
  rate(label, points) {
    return this.page.getByRole("radio", { name: `${label}，${points} 分` }).tap();
  }

  tap(text) {
    return this.page.getByRole("button", { name: text, exact: true }).tap();
  }

  async fill(accNbr, grades, remarks = []) {
    if (accNbr) await this.type("acc_nbr", accNbr);
    for (const [i, points] of grades.entries()) {
      await this.page
        .locator(`#field-grade${i + 1}`)
        .getByRole("radio", { name: new RegExp(`，${points} 分$`) })
        .tap();
    }
    for (const [i, text] of remarks.entries()) await this.type(`txt${i + 1}`, text);
  }

  // --- What a customer sees -----------------------------------------------------------------------

  see(selector) {
    return this.page.locator(selector).waitFor({ timeout: this.patience });
  }

  // Waits until it says so; the error shows what it says instead.
  async reads(selector, pattern) {
    await this.see(selector);
    for (let waited = 0; waited < this.patience; waited += 100) {
      if (pattern.test(await this.page.locator(selector).innerText())) return;
      await this.page.waitForTimeout(100);
    }
    assert.match(await this.page.locator(selector).innerText(), pattern);
  }

  title() {
    return this.page.locator("#navigation-bar").innerText();
  }

  sideways() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  // Elements whose text does not fit into them.
  cutTexts() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("wx-text, wx-button, wx-input > input, wx-textarea > textarea")]
        .filter((one) => getComputedStyle(one).display !== "inline" && one.clientHeight > 0)
        .filter((one) => one.scrollHeight > one.clientHeight + 2)
        .map((one) => one.outerHTML.slice(0, 120)),
    );
  }

  // What is to be tapped, and has less than 44 px to tap on.
  smallTargets() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("wx-button, [role=radio], .field")]
        .map((one) => [one.textContent.slice(0, 20), one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
        .map(([text, box]) => `${text} ${box.width}x${box.height}`),
    );
  }
}

module.exports = { Phone, BASE_URL };
