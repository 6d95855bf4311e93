// Failures between the phone and the server: a rating is stored once, and the page says what is so.
const assert = require("node:assert/strict");
const { captivePortal, holdReply, loseReply, noReply, replyWith } = require("../faulty_proxy");
const { FAILURE, JSON_TYPE, REMARKS, SCORE, SUCCESS, assertOneRow, masked, resubmit } = require("./helpers");
const { openFilled, pause, row, submissionIds, submitAgainAndFail } = require("./helpers");
const { submitAndFail, waitForSuccess, waitUntil } = require("./helpers");

// Ratings of this account by another client, until the server accepts no more.
async function reachLimit(world, count) {
  const rating = { acc_nbr: world.accNbr, grade1: 1, grade2: 1, grade3: 1 };
  const send = () => world.post("/score", { ...rating, submission_id: crypto.randomUUID() });
  const statuses = (await Promise.all(Array.from({ length: count }, send))).map((reply) => reply.status);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal((await send()).status, 429);
}

const scenarios = {
  async "the server is down"(world) {
    const phone = await world.newPhone();
    await world.proxy.stop();
    await submitAndFail(world, phone, /连接不上服务器，评价还没有发出.*已保存在手机上/);
    await world.takePicture(phone, "mp-score-failed");
    world.step("opens with the built-in questions, says that nothing was sent, keeps the content");
    await phone.waitForState("#field-txt1 textarea", "enabled", "a rating that was not sent is editable");
    await world.proxy.start();
    await resubmit(phone);
    await assertOneRow(world, phone, 1);
  },

  async "the server does not reply in time"(world) {
    const phone = await world.newPhone({ timeScale: 5 }); // 15 s become 3 s
    world.proxy.addFault("/score", noReply);
    await submitAndFail(world, phone, /等了很久没有得到回应/);
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "the reply is lost after the server stored the rating"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    const entry = await submitAndFail(world, phone, /不能确定是否已送达/);
    assert.equal(entry.state, "unconfirmed");
    assert.equal((await world.rows()).length, 1, "the server has stored it");
    await phone.waitForState("#field-txt1 textarea", "disabled", "locked while it may be stored");
    await phone.star(1, 1).tap({ force: true });
    await phone.page.waitForTimeout(200);
    assert.deepEqual((await phone.outbox())[0].grades, [4, 4, 4]);
    await phone.waitForText(".locked-note", /可能已经送达，内容暂时不能修改/);
    await world.takePicture(phone, "mp-score-locked");
    world.step("the content is locked, and the page says why");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
    world.step("submitted again: still one row");
  },

  async "a draft changed after a lost reply is another rating"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    await submitAndFail(world, phone, /不能确定是否已送达/);
    await phone.tap("修改内容，作为另一份评价");
    await phone.rate(1, 1);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS), row([1, 4, 4], REMARKS)]);
    assert.equal(new Set(submissionIds(world.proxy)).size, 2);
  },

  async "429: the server limits the rate"(world) {
    const phone = await world.newPhone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "rate: too many", "Retry-After": "7" };
    world.proxy.addFault("/score", replyWith(429, headers, FAILURE));
    const entry = await submitAndFail(world, phone, /太频繁，请在 7 秒后再次提交/);
    assert.equal(entry.state, "waiting", "a refused rating is not stored");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "429: a wait of hours is told in hours"(world) {
    const phone = await world.newPhone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "rate: too many for this account number", "Retry-After": "32401" };
    world.proxy.addFault("/score", replyWith(429, headers, FAILURE));
    await submitAndFail(world, phone, /太频繁，请在 10 小时后再次提交/);
  },

  async "429 of the real server: after its wait the rating is stored"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone);
    await reachLimit(world, 20);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /太频繁，请在 \d+ 秒后再次提交/);
    const [entry] = await phone.outbox();
    assert.equal(entry.state, "waiting");
    assert.equal((await world.rows()).length, 20, "nothing of it is stored");
    const seconds = Number(/请在 (\d+) 秒后/.exec(await phone.screenText())[1]);
    await pause((seconds + 1) * 1000);
    await resubmit(phone);
    assert.deepEqual((await world.rows()).at(-1), row([4, 4, 4], REMARKS));
    assert.equal(new Set(submissionIds(world.proxy)).size, 1, "one id for all requests");
  },

  async "beyond the limit a stored rating is still confirmed"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    await submitAndFail(world, phone, /不能确定是否已送达/);
    await reachLimit(world, 19);
    await resubmit(phone);
    assert.equal((await world.rows()).length, 20);
    assert.deepEqual(await phone.outbox(), []);
  },

  async "503: the database is unreachable"(world) {
    const phone = await world.newPhone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "store: unreachable", "Retry-After": "240" };
    world.proxy.addFault("/score", replyWith(503, headers, FAILURE));
    await submitAndFail(world, phone, /暂时无法保存，请在 4 分钟后再次提交/);
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "500, and 502 with HTML, keep the draft"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", replyWith(500, JSON_TYPE, FAILURE));
    world.proxy.addFault("/score", replyWith(502, { "Content-Type": "text/html" }, "<h1>502 Bad Gateway</h1>"));
    await submitAndFail(world, phone, /服务器出错了（500）/);
    await submitAgainAndFail(phone, /服务器出错了（502）/);
    await resubmit(phone);
    await assertOneRow(world, phone, 3);
  },

  async "200 with HTML or other JSON is not a success"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", captivePortal);
    world.proxy.addFault("/score", replyWith(200, JSON_TYPE, '{"ok":true}'));
    world.proxy.addFault("/score", replyWith(200, JSON_TYPE, FAILURE));
    world.proxy.addFault("/score", replyWith(204, {}, ""));
    await submitAndFail(world, phone, /不是来自评分服务器/);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await submitAgainAndFail(phone, /还没有提交成功/);
      assert.deepEqual(phone.toasts, []);
    }
    await resubmit(phone);
    await assertOneRow(world, phone, 5);
  },

  async "the success text with status 404 is not a success"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", replyWith(404, JSON_TYPE, JSON.stringify(SUCCESS)));
    await submitAndFail(world, phone, /不是来自评分服务器/);
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "409: the id has other content"(world) {
    const phone = await world.newPhone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "submission_id: already used for other content" };
    world.proxy.addFault("/score", replyWith(409, headers, FAILURE));
    await submitAndFail(world, phone, /编号已用于另一份内容/);
    await phone.tap("作为另一份评价提交");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.equal(new Set(submissionIds(world.proxy)).size, 2);
  },

  async "a draft survives closing the app"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.waitForOutbox((list) => list.length === 1 && list[0].remarks[2] === REMARKS[2], "stored while typing");
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.waitForText("#offer", /它还没有发送/);
    assert.doesNotMatch(await phone.screenText(), new RegExp(world.accNbr), "the number is masked");
    await world.takePicture(phone, "mp-score-offer");
    await phone.tap("继续上次的评价");
    await waitUntil(async () => (await phone.text("txt1").catch(() => "")) === REMARKS[0], "the draft is in the form");
    world.step("a draft that was never sent is offered");
    world.proxy.addFault("/score", loseReply);
    await phone.tap("提交评价");
    await phone.waitFor("#failure");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitForText("#delivered-note", /已经送达，不用再次提交/);
    await assertOneRow(world, phone, 2);
    world.step("closed after a lost reply: sent again with the same id, one row");
  },

  async "the app is closed while sending"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", holdReply().fault);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.closeApp();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
    await phone.open(SCORE, "acc_nbr=other");
    await phone.waitForText("#outbox", new RegExp(`${masked(world.accNbr).replaceAll("*", "\\*")}.*(可能已经送达|正在发送)`, "s"));
    release();
    await phone.waitForText("#delivered-note", new RegExp(masked(world.accNbr).replaceAll("*", "\\*")));
    await assertOneRow(world, phone, 2);
  },

  async "the customer discards a draft"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.waitForOutbox((list) => list.length === 1 && list[0].remarks[2] === REMARKS[2], "stored while typing");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-cancel");
    assert.equal((await phone.outbox()).length, 1, "kept until confirmed");
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-confirm");
    await phone.waitFor("#field-txt1");
    assert.equal(await phone.text("txt1"), "");
    assert.deepEqual(await phone.outbox(), []);
  },
};

module.exports = { scenarios };
