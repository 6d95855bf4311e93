// Codes that lead to the score page: scene (a mini program code) and q (an ordinary link).
const assert = require("node:assert/strict");
const { loseReply, replyWith } = require("../faulty_proxy");
const { JSON_TYPE, REMARKS, SCORE, pause, row, waitForSuccess, waitUntil } = require("./helpers");

const TOKEN = "Ab3_x-9ZqL0pT5vK7mN2rS4";
const scene = (token) => `scene=${encodeURIComponent(token)}`;
const link = (token) => `q=${encodeURIComponent(`https://rate.example.cn/r/${token}`)}`;
const found = (world, area = "城东") =>
  replyWith(200, JSON_TYPE, JSON.stringify({ acc_nbr: world.accNbr, area }));
const unknown = replyWith(404, JSON_TYPE, JSON.stringify({ error: "code", message: "unknown code" }));
const codeRequests = (world) => world.proxy.requestsTo("/score/code").map((entry) => entry.url);

const scenarios = {
  async "a scene code fills in the number and locks it"(world) {
    const phone = await world.newPhone();
    let release;
    const pending = new Promise((resolve) => {
      release = resolve;
    });
    world.proxy.addFault("/score/code", async (exchange) => {
      await pending;
      await found(world)(exchange);
    });
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitFor("#code-pending");
    await phone.rate(1, 5);
    await phone.typeKeys("txt1", "很好");
    await world.takePicture(phone, "mp-score-code-pending");
    release();
    await phone.waitForText(".locked-note", /号码来自二维码/);
    assert.equal((await phone.page.locator(".locked-number").innerText()).trim(), world.accNbr);
    assert.equal(await phone.page.locator("#field-acc_nbr input").count(), 0, "the number cannot be edited");
    assert.equal(await phone.text("txt1"), "很好", "what was typed meanwhile stays");
    await world.takePicture(phone, "mp-score-code");
    const [noteTop, gradesTop] = await Promise.all(
      [".locked-note", "#field-grade1"].map(async (selector) => (await phone.page.locator(selector).boundingBox()).y),
    );
    assert.ok(noteTop < gradesTop, "the reason is above the grades");
    assert.deepEqual(codeRequests(world), [`/score/code?scene=${TOKEN}`]);
    await phone.rate(2, 5);
    await phone.rate(3, 5);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], ["很好", "", ""])]);
  },

  async "a printed code of the real server leads to the right account; a forged one does not"(world) {
    const [phone, code] = [await world.newPhone(), await world.makeCode("城西")];
    await phone.open(SCORE, scene(code));
    await phone.waitForText(".locked-note", /城西/);
    assert.equal((await phone.page.locator(".locked-number").innerText()).trim(), world.accNbr);
    await phone.fill("", [5, 5, 5]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5])]);
    await phone.closeApp();
    await phone.open(SCORE, scene(code.slice(0, -1) + (code.endsWith("A") ? "B" : "A")));
    await phone.waitForText("#code-invalid", /二维码无效或已过期/);
  },

  async "a link code (q) leads to the same form"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score/code", found(world));
    await phone.open(SCORE, link(TOKEN));
    await phone.waitFor(".locked-note");
    assert.equal((await phone.page.locator(".locked-number").innerText()).trim(), world.accNbr);
    await phone.fill("", [5, 5, 5]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5])]);
  },

  async "malformed codes are told and ask the server nothing"(world) {
    const phone = await world.newPhone();
    const malformed = [
      scene("a b"),
      scene("x".repeat(33)),
      "scene=%E4%BD",
      scene("<script>"),
      `q=${encodeURIComponent("https://rate.example.cn/elsewhere")}`,
      link(`${TOKEN}$`),
    ];
    await phone.open(SCORE, malformed[0]);
    for (const query of malformed.slice(1)) {
      await phone.waitForText("#code-invalid", /二维码无效或已过期/);
      assert.equal(await phone.text("acc_nbr"), "");
      await phone.toBackground();
      await phone.hotStart(SCORE, query);
      await pause(150);
    }
    await phone.waitForText("#code-invalid", /二维码无效或已过期/);
    assert.deepEqual(codeRequests(world), []);
    await world.takePicture(phone, "mp-score-code-invalid");
    await phone.fill(world.accNbr, [3, 3, 3]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([3, 3, 3])]);
  },

  async "a code that the server does not know is told"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score/code", unknown);
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitForText("#code-invalid", /二维码无效或已过期，请手工填写号码/);
    await phone.fill(world.accNbr, [3, 3, 3]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([3, 3, 3])]);
  },

  async "a code without network: try again, or by hand"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score/code", loseReply);
    world.proxy.addFault("/score/code", replyWith(404, { "Content-Type": "text/html" }, "<h1>Not Found</h1>"));
    world.proxy.addFault("/score/code", found(world));
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitForText("#code-failed", /没有读到二维码里的号码/);
    await world.takePicture(phone, "mp-score-code-failed");
    await phone.page.locator(".code-retry").tap();
    await waitUntil(() => codeRequests(world).length === 2, "asked again");
    await phone.waitFor("#code-failed");
    world.step("a page of another server does not answer about the code");
    await phone.page.locator(".code-retry").tap();
    await phone.waitFor(".locked-note");
    await phone.page.locator(".code-manual").tap();
    await phone.page.locator("#field-acc_nbr input").waitFor();
    assert.equal(await phone.text("acc_nbr"), "", "not this number: an empty field");
    assert.equal(await phone.page.locator(".locked-note").count(), 0);
    await phone.fill(`${world.accNbr}7`, [3, 3, 3]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(`${world.accNbr}7`), [row([3, 3, 3])]);
  },

  async "a number by hand is not overwritten by a late answer about the code"(world) {
    const phone = await world.newPhone();
    let answer;
    world.proxy.addFault("/score/code", async (exchange) => {
      await new Promise((resolve) => {
        answer = resolve;
      });
      await found(world)(exchange);
    });
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitFor("#code-pending");
    await phone.page.locator(".code-manual").tap();
    await phone.typeKeys("acc_nbr", `${world.accNbr}5`, { delay: 20 });
    answer();
    await pause(1000);
    assert.equal(await phone.text("acc_nbr"), `${world.accNbr}5`);
    assert.equal(await phone.page.locator(".locked-note").count(), 0);
  },

  async "a second code while the first form is open"(world) {
    const phone = await world.newPhone();
    const second = `${world.accNbr}8`;
    world.proxy.addFault("/score/code", found(world));
    world.proxy.addFault("/score/code", replyWith(200, JSON_TYPE, JSON.stringify({ acc_nbr: second, area: "" })));
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitFor(".locked-note");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.toBackground();
    await phone.hotStart(SCORE, scene(`${TOKEN}2`));
    await phone.waitForText(".locked-number", new RegExp(second));
    assert.equal(await phone.text("txt1"), "", "the words for the first account are not in the second form");
    assert.doesNotMatch(await phone.screenText(), /师傅很专业/);
    await phone.fill("", [1, 1, 1]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(second), [row([1, 1, 1])]);
    assert.deepEqual(await world.rows(), []);
    const kept = await phone.outbox();
    assert.deepEqual(
      kept.map(({ acc_nbr: accNbr, remarks }) => [accNbr, remarks]),
      [[world.accNbr, REMARKS]],
    );
  },

  async "a draft with a number by code is locked again when it is taken up"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score/code", found(world));
    await phone.open(SCORE, scene(TOKEN));
    await phone.waitFor(".locked-note");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.waitForOutbox((list) => list.length === 1 && list[0].remarks[2] === REMARKS[2], "the draft is stored");
    await phone.closeApp();
    world.proxy.addFault("/score/code", found(world));
    await phone.open(SCORE, scene(TOKEN));
    await phone.tap("继续上次的评价");
    await phone.waitForText(".locked-number", new RegExp(world.accNbr));
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },
};

module.exports = { scenarios };
