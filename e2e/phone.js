// A phone: a browser context in which the client runs, with its own storage, network and WeChat identity.
// Closing the app keeps the storage.
const assert = require("node:assert/strict");
const http = require("node:http");

const BASE_URL = "https://rate.example.cn"; // the only request domain of this mini program
const USER_AGENT = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50 MiniProgramEnv/android";
const REFERER = "https://servicewechat.com/touristappid/0/page-frame.html";
// Divides the client's timeouts: 15 s become 3 s.
const TIME_SCALE = 5;
// Milliseconds, for a busy machine: until a tap finds its element, and until the page shows a result.
const ACTION_TIMEOUT = 20000;
const WAIT_TIMEOUT = 15000;

// Stands in for the network stack of wx.request. Resolves to {status, headers, body} or to {error}.
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
      headers: { ...headers, ...length, referer: REFERER, "user-agent": USER_AGENT },
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
        const replyHeaders = Object.fromEntries(names.map((name, i) => [name, reply.rawHeaders[2 * i + 1]]));
        resolve({ status: reply.statusCode, headers: replyHeaders, body: Buffer.concat(chunks).toString("utf8") });
      } catch (error) {
        fail(error);
      }
    });
    request.end(body ?? undefined);
  });
}

class Phone {
  static async create(browser, settings) {
    const { site, proxy, width = 375, fontSize = 16, asksForPrivacy = false, loginCode = () => "" } = settings;
    const phone = new Phone();
    phone.site = site;
    phone.proxy = proxy;
    phone.toasts = [];
    phone.wxCalls = []; // [function, address or name], without toasts
    phone.errors = [];
    phone.context = await browser.newContext({ viewport: { width, height: 667 }, hasTouch: true, isMobile: true });
    phone.context.setDefaultTimeout(ACTION_TIMEOUT);
    const phoneSettings = { fontSize, asksForPrivacy, privacyContract: "《服务评价小程序隐私保护指引》" };
    await phone.context.addInitScript(`window.phoneSettings = ${JSON.stringify(phoneSettings)}`);
    await phone.context.exposeFunction("phoneRequest", (request) => send(phone.proxy.port, request));
    await phone.context.exposeFunction("phoneLogin", () => loginCode());
    await phone.context.exposeFunction("phoneRecord", (name, detail) => phone.record(name, detail));
    return phone;
  }

  record(name, detail) {
    if (name === "toast") this.toasts.push(detail);
    else if (name === "error") this.errors.push(detail);
    else this.wxCalls.push([name, detail]);
  }

  // Opens the app at a page, as a link or a QR code does. `query` is the text after the question mark.
  async open(page = "pages/score/score", query = "") {
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.errors.push(error.message));
    this.page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    const address = new URLSearchParams({ page, query });
    await this.page.goto(`${this.site}/?${address}`);
    await this.page.waitForFunction("window.phoneIsReady || undefined", null, { timeout: WAIT_TIMEOUT }).catch(() => {
      throw new Error(`the app does not start: ${this.errors.join("; ")}`);
    });
  }

  // Closes the app at once, even while it sends.
  closeApp() {
    return this.page.close();
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.errors, [], "errors in the client's scripts, templates or calls of wx");
  }

  storage(key) {
    return this.page.evaluate((name) => JSON.parse(localStorage.getItem(`wx:${name}`)), key);
  }

  setStorage(key, value) {
    return this.page.evaluate(([name, text]) => localStorage.setItem(`wx:${name}`, text), [key, JSON.stringify(value)]);
  }

  // --- A customer's actions -----------------------------------------------------------------------

  type(field, text) {
    return this.page.fill(`#field-${field} :is(input, textarea)`, text);
  }

  // Finds the star by its accessible name.
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

  // --- A customer's view --------------------------------------------------------------------------

  waitFor(selector) {
    return this.page.locator(selector).waitFor({ timeout: WAIT_TIMEOUT });
  }

  // Waits until the element's text matches. The error shows the text.
  async waitForText(selector, pattern) {
    await this.waitFor(selector);
    for (let waited = 0; waited < WAIT_TIMEOUT; waited += 100) {
      if (pattern.test(await this.page.locator(selector).innerText())) return;
      await this.page.waitForTimeout(100);
    }
    assert.match(await this.page.locator(selector).innerText(), pattern);
  }

  title() {
    return this.page.locator("#navigation-bar").innerText();
  }

  horizontalOverflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  // Elements that do not fit their text.
  clippedTexts() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("wx-text, wx-button, wx-input > input, wx-textarea > textarea")]
        .filter((element) => getComputedStyle(element).display !== "inline" && element.clientHeight > 0)
        .filter((element) => element.scrollHeight > element.clientHeight + 2)
        .map((element) => element.outerHTML.slice(0, 120)),
    );
  }

  // Tap targets smaller than 44 px.
  smallTargets() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("wx-button, [role=radio], .field")]
        .map((element) => [element.textContent.slice(0, 20), element.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
        .map(([text, box]) => `${text} ${box.width}x${box.height}`),
    );
  }
}

module.exports = { Phone, BASE_URL };
