// The outbox: the unconfirmed ratings, each by its id and independent of the others.
const assert = require("node:assert/strict");
const { holdReply, loseReply, replyWith } = require("../faulty_proxy");
const { FAILURE, JSON_TYPE, REMARKS, SCORE, masked, openFilled, pause, row, submissionIds } = require("./helpers");
const { submissions, submitAgainAndFail, submitAndFail, waitForSuccess, waitUntil } = require("./helpers");

const UNAVAILABLE = replyWith(503, { ...JSON_TYPE, "X-Score-Error": "store: unreachable", "Retry-After": "60" }, FAILURE);
const DAY = 24 * 60 * 60 * 1000;
const other = (world) => `${world.accNbr}9`;

// An id that no other scenario has.
const idOf = (world, digit) => `0b6f7c52-5b1e-4a52-8d2c-${digit}${world.accNbr}`;

// An entry as the client stores it.
const entry = (world, changes) => ({
  ...{ id: idOf(world, 0), acc_nbr: world.accNbr, grades: [4, 4, 4], remarks: REMARKS },
  ...{ by_code: false, state: "unconfirmed", note: "", created: Date.now(), updated: Date.now() },
  ...{ submitted: Date.now(), ...changes },
});

const cronet = (code, name) => `request:fail errcode:${code} cronet_error_code:${code} error_msg:net::ERR_${name}`;
// The texts of Android, iOS and DevTools (errMsg of wx.request).
const NOT_SENT = [
  "request:fail url not in domain list",
  cronet(-105, "NAME_NOT_RESOLVED"),
  cronet(-106, "INTERNET_DISCONNECTED"),
  cronet(-102, "CONNECTION_REFUSED"),
  cronet(-118, "CONNECTION_TIMED_OUT"),
  cronet(-201, "CERT_DATE_INVALID"),
  "request:fail The Internet connection appears to be offline.",
  "request:fail 似乎已断开与互联网的连接。",
  "request:fail 未能找到使用指定主机名的服务器。",
];
const PERHAPS_SENT = [
  "request:fail timeout",
  "request:fail 请求超时。",
  "request:fail interrupted",
  "request:fail abort",
  cronet(-101, "CONNECTION_RESET"),
  cronet(-21, "NETWORK_CHANGED"),
  "request:fail The network connection was lost.",
  "request:fail socket hang up",
  "request:fail fail:一个新的错误",
];

const scenarios = {
  async "an unconfirmed rating does not block another account"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", UNAVAILABLE);
    await submitAndFail(world, phone, /暂时无法保存/);
    await phone.closeApp();
    for (let i = 0; i < 3; i += 1) world.proxy.addFault("/score", loseReply);
    await phone.open(SCORE, `acc_nbr=${other(world)}`);
    await phone.waitForText("#outbox", new RegExp(masked(world.accNbr).replaceAll("*", "\\*")));
    assert.equal(await phone.text("acc_nbr"), other(world));
    assert.equal(await phone.text("txt1"), "", "the words of the other account are not in this form");
    assert.doesNotMatch(await phone.screenText(), /师傅很专业/, "nor elsewhere on the screen");
    await world.takePicture(phone, "mp-score-outbox");
  },

  async "another account is rated while an entry waits, and both arrive"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有发出/);
    await phone.toBackground();
    await phone.hotStart(SCORE, `acc_nbr=${other(world)}`);
    await phone.waitFor("#outbox");
    await phone.fill("", [1, 1, 1]);
    await phone.setNetwork("wifi");
    await waitUntil(async () => (await world.rows()).length === 1, "the waiting entry is sent");
    await phone.waitFor("#delivered-note");
    await phone.waitForGone("#outbox");
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.deepEqual(await world.rows(other(world)), [row([1, 1, 1])]);
    assert.deepEqual(await phone.outbox(), []);
  },

  async "a late failure touches only its own entry"(world) {
    const phone = await world.newPhone();
    let answer;
    const late = async ({ response, forward }) => {
      await forward();
      await new Promise((resolve) => {
        answer = resolve;
      });
      response.socket.destroy();
    };
    world.proxy.addFault("/score", late);
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.toBackground();
    await phone.hotStart(SCORE, `acc_nbr=${other(world)}`);
    await phone.page.locator("#field-acc_nbr").waitFor();
    await phone.waitForText("body", new RegExp(`评价|${other(world)}`));
    await phone.fill("", [1, 1, 1], ["别的内容"]);
    for (let i = 0; i < 4; i += 1) world.proxy.addFault("/score", UNAVAILABLE);
    answer();
    await pause(500);
    assert.equal(await phone.page.locator("#failure").count(), 0, "the failure of the first is not shown on the second");
    assert.deepEqual([await phone.text("acc_nbr"), await phone.text("txt1")], [other(world), "别的内容"]);
    const list = await phone.outbox();
    assert.deepEqual(
      list.map(({ acc_nbr: accNbr, state, remarks }) => [accNbr, state, remarks]),
      [
        [world.accNbr, "unconfirmed", REMARKS],
        [other(world), "draft", ["别的内容", "", ""]],
      ],
    );
  },

  async "a late success of a closed page is told on the next"(world) {
    const phone = await world.newPhone();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.toBackground();
    await phone.hotStart(SCORE, `acc_nbr=${other(world)}`);
    await phone.waitForText("#outbox", /正在发送/);
    release();
    await phone.waitForText("#delivered-note", /已经送达/);
    assert.deepEqual(await phone.outbox(), []);
    assert.deepEqual(phone.toasts, []);
    assert.equal(await phone.text("acc_nbr"), other(world), "this form stays");
  },

  async "a waiting rating is sent when the app is opened again"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有发出.*联网后打开小程序会自动发送/);
    assert.equal((await phone.outbox())[0].state, "waiting");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${other(world)}`);
    await phone.waitForText("#delivered-note", new RegExp(masked(world.accNbr).replaceAll("*", "\\*")));
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.deepEqual(await phone.outbox(), []);
    await world.takePicture(phone, "mp-score-delivered-later");
  },

  async "an unconfirmed rating is sent again when the app comes back"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    await submitAndFail(world, phone, /不能确定是否已送达/);
    await phone.toBackground();
    await pause(100);
    await phone.toForeground();
    await waitForSuccess(phone);
    await phone.waitFor("#thanks");
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.equal(new Set(submissionIds(world.proxy)).size, 1);
    assert.deepEqual(await phone.outbox(), []);
  },

  async "a waiting rating is sent when the network returns"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有连上网络，评价还没有发出/);
    assert.deepEqual(submissions(world.proxy), []);
    await phone.waitForState("#field-txt1 textarea", "enabled", "a rating that was not sent is editable");
    await world.takePicture(phone, "mp-score-waiting");
    await phone.setNetwork("4g");
    await waitForSuccess(phone);
    await phone.waitFor("#thanks");
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "an edited rating is not sent by itself"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有发出/);
    await phone.rate(1, 1);
    await phone.waitForOutbox((list) => list[0].state === "draft", "an edited entry is a draft");
    await phone.setNetwork("wifi");
    await pause(1200);
    assert.deepEqual(submissions(world.proxy), [], "the customer is still editing");
    await phone.page.getByRole("button", { name: /提交/ }).last().tap();
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([1, 4, 4], REMARKS)]);
  },

  async "an entry is never sent twice at the same time"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.setStorage("outbox", [entry(world, { state: "waiting" })]);
    await phone.closeApp();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
    await phone.open(SCORE, `acc_nbr=${other(world)}`);
    await waitUntil(() => submissions(world.proxy).length === 1, "sent after the start");
    await phone.setNetwork("4g");
    await phone.toBackground();
    await phone.toForeground();
    await pause(2000);
    assert.equal(submissions(world.proxy).length, 1, "not a second time while the first is under way");
    release();
    await phone.waitFor("#delivered-note");
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "nothing is sent again without consent"(world) {
    const phone = await world.newPhone({ asksForPrivacy: true });
    await phone.open(SCORE);
    await phone.setStorage("outbox", [entry(world, { state: "waiting" })]);
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.waitFor("#outbox");
    await pause(1200);
    assert.deepEqual(submissions(world.proxy), []);
    await phone.page.locator(".outbox-entry .resend").tap();
    await pause(500);
    assert.deepEqual(submissions(world.proxy), [], "also not by a tap, before the question");
  },

  async "an expired rating is told and not sent"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.setStorage("outbox", [entry(world, { submitted: Date.now() - 8 * DAY, created: Date.now() - 8 * DAY })]);
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.waitForText("#outbox", /7 天内没有得到确认，不再自动发送/);
    await pause(1200);
    assert.deepEqual(submissions(world.proxy), []);
    await world.takePicture(phone, "mp-score-expired");
    await phone.page.locator(".outbox-entry .resume").tap();
    await phone.waitForText("#field-acc_nbr", /业务号码/);
    await waitUntil(async () => (await phone.text("txt1")) === REMARKS[0], "the content is taken over");
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.notEqual(submissionIds(world.proxy)[0], entry(world).id, "as a new rating");
    assert.deepEqual(await phone.outbox(), []);
  },

  async "the customer sends and deletes entries of the list"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.setStorage("outbox", [
      entry(world, {}),
      entry(world, { id: idOf(world, 1), acc_nbr: other(world), state: "refused", note: "没有被接受。" }),
    ]);
    await phone.closeApp();
    world.proxy.addFault("/score", UNAVAILABLE);
    await phone.open(SCORE);
    await phone.waitForText("#outbox", /没有被接受/);
    await waitUntil(() => submissions(world.proxy).length === 1, "sent again after the start");
    await phone.waitForText(`.outbox-entry >> nth=0`, /可能已经送达/);
    await phone.page.locator(".outbox-entry").nth(0).locator(".resend").tap();
    await phone.waitForText("#delivered-note", /已经送达/);
    await phone.page.locator(".outbox-entry .discard").tap();
    await phone.page.tap("#wx-modal-cancel");
    assert.equal((await phone.outbox()).length, 1);
    await phone.page.locator(".outbox-entry .discard").tap();
    await phone.page.tap("#wx-modal-confirm");
    await phone.waitForGone("#outbox");
    assert.deepEqual(await phone.outbox(), []);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.deepEqual(await world.rows(other(world)), []);
  },

  async "interrupted in the background: perhaps sent, and sent again with the same id"(world) {
    // At full length: 5 s in the background are far from the request's timeout of 15 s, also on a slow machine.
    const phone = await world.newPhone();
    const { fault } = holdReply();
    world.proxy.addFault("/score", fault);
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await waitUntil(() => submissions(world.proxy).length === 1, "sent");
    await phone.toBackground();
    await phone.waitForText("#failure", /切到后台.*不能确定是否已送达/);
    assert.equal((await phone.outbox())[0].state, "unconfirmed");
    await phone.toForeground();
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.equal(new Set(submissionIds(world.proxy)).size, 1);
  },

  async "certainly not sent: editable, and sent later"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    for (const errMsg of NOT_SENT) {
      phone.requestErrors.push(["/score", errMsg]);
      await submitAgainAndFail(phone, /没有发出/, /提交评价|再次提交/);
      assert.deepEqual(phone.requestErrors, [], "the request is made");
      await phone.page.getByRole("button", { name: "再次提交" }).waitFor();
      assert.equal((await phone.outbox())[0].state, "waiting", errMsg);
      // The screen follows the script: it may still show that this attempt is being sent.
      await phone.waitForState("#field-acc_nbr input", "enabled", errMsg);
    }
    assert.deepEqual(submissions(world.proxy), [], "none reached the server");
  },

  async "perhaps sent: locked under its id"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    for (const errMsg of PERHAPS_SENT) {
      phone.requestErrors.push(["/score", errMsg]);
      await phone.tap("提交评价");
      await phone.waitForText("#failure", /不能确定是否已送达/);
      assert.equal((await phone.outbox())[0].state, "unconfirmed", errMsg);
      await phone.waitForState("#field-acc_nbr input", "disabled", errMsg);
      await phone.tap("修改内容，作为另一份评价");
      await phone.waitForGone("#failure");
    }
    phone.requestErrors.push(["/score", PERHAPS_SENT[0]], ["/score", NOT_SENT[0]]);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /不能确定是否已送达/);
    await submitAgainAndFail(phone, /这一次没有发出。上一次可能已经送达/);
    assert.equal((await phone.outbox())[0].state, "unconfirmed", "an earlier attempt may have arrived");
  },

  async "two accounts of one family: the offer is only for its own account"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone);
    await phone.waitForOutbox((list) => list.length === 1 && list[0].remarks[2] === REMARKS[2], "the draft is stored");
    await phone.toBackground();
    await phone.hotStart(SCORE, `acc_nbr=${other(world)}`);
    await waitUntil(async () => (await phone.text("acc_nbr").catch(() => "")) === other(world), "the second account's form");
    assert.equal(await phone.page.locator("#offer").count(), 0, "the first account's draft is not offered here");
    assert.doesNotMatch(await phone.screenText(), /师傅很专业/);
    await phone.fill("", [1, 1, 1]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(other(world)), [row([1, 1, 1])]);
    assert.deepEqual(await world.rows(), [], "the first account's draft was not sent");
    assert.equal((await phone.outbox()).length, 1, "and is kept");
    await phone.toBackground();
    await phone.hotStart(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.tap("继续上次的评价");
    await waitUntil(async () => (await phone.text("txt1")) === REMARKS[0], "the draft is taken up");
  },
};

module.exports = { scenarios };
