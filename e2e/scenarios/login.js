// Scenarios of WeChat login: a server with REQUIRE_WECHAT_LOGIN=1 and a stub of WeChat's API (wechat_stub.py).
const assert = require("node:assert/strict");
const { replyWith } = require("../faulty_proxy");
const { REMARKS, RESULT, SCORE, row, submissionIds, submissions } = require("./helpers");
const { submitAgainAndFail, submitAndFail, waitForSuccess } = require("./helpers");

const tokens = (proxy) => proxy.requestsTo("/score").map((entry) => entry.headers.authorization);

// Login codes of one person, a new code for each login.
function loginCodes(name) {
  let count = 0;
  return () => {
    count += 1;
    return `code-${name}.${count}`;
  };
}

const scenarios = {
  async "two phones of one person show the same ratings"(world) {
    const loginCode = loginCodes(`two-phones-${world.accNbr}`);
    const first = await world.newPhone({ loginCode });
    await first.open(SCORE, `acc_nbr=${world.accNbr}`);
    await first.fill("", [5, 5, 5], REMARKS);
    await first.tap("提交评价");
    await first.tap("查看我的评价");
    await first.waitFor(".rating");
    assert.match(tokens(world.proxy)[0], /^Bearer ./);
    assert.ok(!world.proxy.requests.some((entry) => entry.body.includes("openid")), "an openid is never sent");
    world.step("the first phone logs in and rates");

    const second = await world.newPhone({ loginCode, asksForPrivacy: true });
    await second.open(RESULT);
    await second.waitFor("#refused");
    assert.equal(world.proxy.requestsTo("/wechat/login").length, 1, "no login without consent");
    await second.tap("同意并用微信身份查找");
    await second.waitFor(".rating");
    assert.equal(await second.page.locator(".title").innerText(), `${world.accNbr} 的评价`);
    world.step("the second phone finds the account and the rating by WeChat identity");

    await second.tap("再评一次");
    await second.fill("", [1, 1, 1]);
    await second.tap("提交评价");
    await second.tap("查看我的评价");
    await second.waitFor(".rating >> nth=1");
    await first.closeApp();
    await first.open(RESULT, `phonenum=${world.accNbr}`);
    await first.waitFor(".rating >> nth=1");
    const lists = await Promise.all([first, second].map((phone) => phone.page.locator(".rating").allInnerTexts()));
    assert.equal(lists[0].length, 2);
    assert.deepEqual(lists[0], lists[1]);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], REMARKS), row([1, 1, 1])]);
    world.step("rated from both phones: both show the same two ratings");

    const stranger = await world.newPhone({ loginCode: loginCodes(`stranger-${world.accNbr}`) });
    await stranger.open(RESULT, `phonenum=${world.accNbr}`);
    await stranger.waitFor("#refused");
    world.step("another person with a login sees none of them");
  },

  async "an expired session is renewed and the rating sent again"(world) {
    const phone = await world.newPhone({ loginCode: loginCodes(`expired-${world.accNbr}`) });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setStorage("session", { token: "expired", expires_at: Date.now() + 1e9 });
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(
      world.proxy.requestsTo("/score").map((entry) => entry.status),
      [401, 200],
    );
    assert.equal(new Set(submissionIds(world.proxy)).size, 1);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "a failed WeChat login sends nothing and keeps the draft"(world) {
    let code = "";
    const phone = await world.newPhone({ loginCode: () => code });
    const entry = await submitAndFail(world, phone, /微信登录没有成功，评价还没有发出/);
    assert.equal(entry.state, "waiting");
    world.step("wx.login fails");
    for (const [nextCode, message] of [
      ["errcode-40029", /微信登录没有成功/],
      ["errcode-45011", /微信登录太频繁，请在 60 秒后再试/],
      ["errcode--1", /微信登录暂时不可用，请在 5 秒后再试/],
    ]) {
      code = nextCode;
      const sent = world.proxy.requestsTo("/wechat/login").length;
      await submitAgainAndFail(phone, message);
      assert.equal(world.proxy.requestsTo("/wechat/login").length, sent + 1, nextCode);
      world.step(nextCode);
    }
    // Held until the button has changed: the same button is there before the tap and after the reply.
    let release;
    const released = new Promise((resolve) => {
      release = resolve;
    });
    world.proxy.addFault("/wechat/login", async (exchange) => {
      await released;
      await replyWith(502, {}, "<h1>Bad Gateway</h1>")(exchange);
    });
    await phone.tap("再次提交");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    release();
    await phone.page.getByRole("button", { name: "再次提交" }).waitFor();
    assert.deepEqual(submissions(world.proxy), []);
    code = `code-late-${world.accNbr}`;
    await phone.tap("再次提交");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "409: the dispatch is already rated"(world) {
    const headers = {
      "Content-Type": "application/json",
      "X-Score-Error": "acc_nbr: this dispatch is already rated",
    };
    world.proxy.addFault("/score", replyWith(409, headers, '"数据提交失败"'));
    const phone = await world.newPhone({ loginCode: loginCodes(`once-${world.accNbr}`) });
    await submitAndFail(world, phone, /已经评价过，每次服务只能评价一次/);
    await phone.page.getByRole("button", { name: "查看已提交的评价" }).waitFor();
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-confirm");
    await phone.page.getByRole("button", { name: "提交评价" }).waitFor();
    assert.deepEqual(await phone.outbox(), []);
  },
};

module.exports = { scenarios };
