// A phone: a browser context in which the client runs, with its own storage, network and WeChat identity.
// Closing the app keeps the storage.
const assert = require("node:assert/strict");
const { send } = require("./network");
const { ACTION_TIMEOUT, START_TIMEOUT, WAIT_TIMEOUT } = require("./timeouts");

class Phone {
  // settings: width and height (px), fontSize (px, of WeChat's letters), dark, asksForPrivacy, loginCode (a function),
  // envVersion ("release", "trial", "develop"), update (null, "ready", "failed"), platform ("android", "ios"), missing (the
  // functions of wx that this version of WeChat lacks), timeScale (divides the timeouts of WeChat and the client), lag (multiplies the
  // delay between the two threads, 30 to 60 ms).
  static async create(browser, settings) {
    const { site, proxy, width = 375, height = 667, fontSize = 16, dark = false, loginCode = () => "" } = settings;
    const { asksForPrivacy = false, envVersion = "release", update = null, platform = "android", missing = [] } = settings;
    const { timeScale = 1, lag = 1 } = settings;
    const phone = new Phone();
    Object.assign(phone, { site, proxy, envVersion, platform, timeScale });
    phone.toasts = [];
    phone.logs = []; // of WeChat's real-time log and of the console
    phone.wxCalls = []; // [function, address or name], without toasts
    phone.errors = [];
    phone.requestErrors = []; // [path, errMsg], each for one request
    phone.requestedBases = new Set();
    phone.context = await browser.newContext({
      viewport: { width, height },
      hasTouch: true,
      isMobile: true,
      colorScheme: dark ? "dark" : "light",
    });
    phone.context.setDefaultTimeout(ACTION_TIMEOUT);
    const privacyContract = "《服务评价小程序隐私保护指引》";
    const phoneSettings = { fontSize, asksForPrivacy, privacyContract, envVersion, update, missing, timeScale, lag };
    await phone.context.addInitScript(`window.phoneSettings = ${JSON.stringify(phoneSettings)}`);
    await phone.context.exposeFunction("phoneRequest", (request) => send(phone, request));
    await phone.context.exposeFunction("phoneLogin", () => loginCode());
    await phone.context.exposeFunction("phoneRecord", (name, detail) => phone.record(name, detail));
    return phone;
  }

  record(name, detail) {
    if (name === "toast") this.toasts.push(detail);
    else if (name === "error") this.errors.push(detail);
    else if (name === "log") this.logs.push(detail);
    else this.wxCalls.push([name, detail]);
  }

  // --- The app's life -----------------------------------------------------------------------------

  // Opens the app at a page, as a link or a QR code does. `query` is the text after the question mark.
  async open(page = "pages/score/score", query = "") {
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.errors.push(error.message));
    this.page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
      else this.logs.push(message.text());
    });
    const address = new URLSearchParams({ page, query });
    await this.page.goto(`${this.site}/?${address}`, { timeout: START_TIMEOUT });
    await this.page.waitForFunction("window.phoneIsReady || undefined", null, { timeout: START_TIMEOUT }).catch(() => {
      throw new Error(`the app does not start: ${this.errors.join("; ")}`);
    });
  }

  control(name, ...values) {
    return this.page.evaluate(([method, args]) => window.phoneControl[method](...args), [name, values]);
  }

  // Ends the app at once, even while it sends.
  closeApp() {
    return this.page.close();
  }

  toBackground() {
    return this.control("hide");
  }

  // By the app's icon or the list of recent apps.
  toForeground() {
    return this.control("show");
  }

  // By a link or a code while the app is in the background.
  hotStart(page, query) {
    return this.control("show", page, query);
  }

  // The back button of the navigation bar.
  back() {
    return this.control("back");
  }

  setNetwork(type) {
    return this.control("setNetwork", type);
  }

  // Fails if the client reported an error that the scenario did not see, or logged personal data.
  async close() {
    await this.context.close();
    assert.deepEqual(this.errors, [], "errors in the client's scripts, templates or calls of wx");
    const personal = this.logs.filter((line) => /\d{7}|师傅|再快一点/.test(line));
    assert.deepEqual(personal, [], "personal data in the log");
  }

  // --- Storage ------------------------------------------------------------------------------------

  storage(key) {
    return this.page.evaluate((name) => JSON.parse(localStorage.getItem(`wx:${name}`)), key);
  }

  setStorage(key, value) {
    return this.page.evaluate(([name, text]) => localStorage.setItem(`wx:${name}`, text), [key, JSON.stringify(value)]);
  }

  // From now on nothing more fits, also after the app was closed.
  fillStorage() {
    return this.control("fillStorage");
  }

  freeStorage() {
    return this.control("freeStorage");
  }

  // The unconfirmed ratings in the storage, oldest first.
  async outbox() {
    const [outbox, draft] = [await this.storage("outbox"), await this.storage("draft")];
    if (outbox || !draft) return outbox ?? [];
    // The earlier client (CLIENT=…) had one draft.
    return [{ ...draft, state: draft.may_be_stored ? "unconfirmed" : "draft" }];
  }

  // Waits until the stored outbox fulfils the condition: events reach the script after a delay.
  async waitForOutbox(condition, description) {
    let outbox;
    for (let waited = 0; waited < WAIT_TIMEOUT; waited += 50) {
      outbox = await this.outbox();
      if (condition(outbox)) return outbox;
      await this.page.waitForTimeout(50);
    }
    throw new assert.AssertionError({ message: `${description}; the outbox: ${JSON.stringify(outbox)}` });
  }

  // --- A customer's actions -----------------------------------------------------------------------

  // Pastes a text into a field. A folded remark is opened first.
  async type(field, text) {
    await this.openRemark(field);
    await this.page.fill(`#field-${field} :is(input, textarea)`, text);
  }

  // Types key by key, `delay` milliseconds apart.
  async typeKeys(field, text, { delay = 60 } = {}) {
    await this.openRemark(field);
    await this.page.locator(`#field-${field} :is(input, textarea)`).tap();
    await this.page.keyboard.type(text, { delay });
  }

  async openRemark(field) {
    const head = this.page.locator(`#field-${field} .remark-head`);
    const control = this.page.locator(`#field-${field} :is(input, textarea)`);
    if (!field.startsWith("txt")) return;
    await head.or(control).first().waitFor(); // both appear at the same time, when the form is there
    if ((await control.isVisible()) || !(await head.count())) return;
    await head.tap();
    await control.waitFor();
  }

  text(field) {
    return this.page.inputValue(`#field-${field} :is(input, textarea)`);
  }

  star(grade, points) {
    return this.page.locator(`#field-grade${grade} .star[data-value="${points}"]`);
  }

  async rate(grade, points) {
    await this.star(grade, points).tap();
  }

  async tap(text) {
    const button = this.page.getByRole("button", { name: text, exact: true });
    await button.waitFor({ timeout: WAIT_TIMEOUT }).catch((error) => {
      throw new Error(`no button ${text} appears`, { cause: error });
    });
    await button.tap();
  }

  async fill(accNbr, grades, remarks = []) {
    if (accNbr) await this.type("acc_nbr", accNbr);
    for (const [i, points] of grades.entries()) await this.rate(i + 1, points);
    for (const [i, text] of remarks.entries()) if (text) await this.type(`txt${i + 1}`, text);
  }

  // Moves a finger over the page, from one point to the next. Ends with the finger lifted if `lift` is true.
  async drag(points, { lift = true } = {}) {
    const session = await this.context.newCDPSession(this.page);
    const dispatch = (type, touchPoints) => session.send("Input.dispatchTouchEvent", { type, touchPoints });
    await dispatch("touchStart", [points[0]]);
    await this.page.waitForTimeout(150); // the script asks for the positions of the stars
    for (const point of points.slice(1)) {
      await dispatch("touchMove", [point]);
      await this.page.waitForTimeout(20);
    }
    if (lift) await dispatch("touchEnd", []);
    await session.detach();
  }

  // --- A customer's view --------------------------------------------------------------------------

  async waitFor(selector) {
    await this.page
      .locator(selector)
      .waitFor({ timeout: WAIT_TIMEOUT })
      .catch((error) => {
        throw new Error(`${selector} does not appear`, { cause: error });
      });
  }

  // Waits until an element is "enabled" or "disabled".
  async waitForState(selector, state, description) {
    const element = await this.page.locator(selector).elementHandle({ timeout: WAIT_TIMEOUT });
    await element.waitForElementState(state, { timeout: WAIT_TIMEOUT }).catch((error) => {
      throw new Error(`${description}: ${selector} is never ${state}`, { cause: error });
    });
  }

  async waitForGone(selector) {
    await this.page
      .locator(selector)
      .waitFor({ state: "hidden", timeout: WAIT_TIMEOUT })
      .catch((error) => {
        throw new Error(`${selector} does not disappear`, { cause: error });
      });
  }

  // Waits until the element's text matches. The error shows the text.
  async waitForText(selector, pattern) {
    await this.waitFor(selector);
    const text = () => this.page.locator(selector).innerText({ timeout: 500 }).catch(() => "");
    for (let waited = 0; waited < WAIT_TIMEOUT; waited += 50) {
      if (pattern.test(await text())) return;
      await this.page.waitForTimeout(50);
    }
    assert.match(await text(), pattern, `${selector} never matches ${pattern}`);
  }

  title() {
    return this.page.locator("#navigation-bar").innerText();
  }

  screenText() {
    return this.page.locator("body").innerText();
  }
}

module.exports = { Phone };
