// WeChat login, against a server with REQUIRE_WECHAT_LOGIN=1 and a stub of WeChat's API (wechat_stub.py).
const assert = require("node:assert/strict");
const { reply } = require("./faulty_proxy");
const { helpers } = require("./scenarios");

const { seeSuccess, failToSend, row, sent, ids, REMARKS, SCORE, RESULT } = helpers;
const tokens = (proxy) => proxy.to("/score").map((entry) => entry.headers.authorization);

// Fresh codes of one person, one after the other.
function person(name) {
  let count = 0;
  return () => {
    count += 1;
    return `code-${name}.${count}`;
  };
}

const scenarios = {
  async "two phones, one person, one list"(world) {
    const loginCode = person(`two-phones-${world.accNbr}`);
    const first = await world.phone({ loginCode });
    await first.open(SCORE, `acc_nbr=${world.accNbr}`);
    await first.fill("", [5, 5, 5], REMARKS);
    await first.tap("提交评价");
    await first.see(".rating");
    assert.match(tokens(world.proxy)[0], /^Bearer ./);
    assert.ok(!world.proxy.seen.some((entry) => entry.body.includes("openid")), "an openid is never sent");
    world.step("the first phone logs in and rates");

    const second = await world.phone({ loginCode, asksForPrivacy: true });
    await second.open(RESULT);
    await second.see("#refused");
    assert.equal(world.proxy.to("/wechat/login").length, 1, "no login without consent");
    await second.tap("同意并用微信身份查找");
    await second.see(".rating");
    assert.equal(await second.page.locator(".title").innerText(), `${world.accNbr} 的评价`);
    world.step("the second phone finds the account and the rating by WeChat identity");

    await second.tap("再评一次");
    await second.fill("", [1, 1, 1]);
    await second.tap("提交评价");
    await second.see(".rating >> nth=1");
    await first.kill();
    await first.open(RESULT, `phonenum=${world.accNbr}`);
    await first.see(".rating >> nth=1");
    const lists = await Promise.all([first, second].map((phone) => phone.page.locator(".rating").allInnerTexts()));
    assert.equal(lists[0].length, 2);
    assert.deepEqual(lists[0], lists[1]);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], REMARKS), row([1, 1, 1])]);
    world.step("rated from both: both show the same two ratings");

    const stranger = await world.phone({ loginCode: person(`stranger-${world.accNbr}`) });
    await stranger.open(RESULT, `phonenum=${world.accNbr}`);
    await stranger.see("#refused");
    world.step("somebody else with a login sees none of them");
  },

  async "a session that is no longer good: log in again, send again"(world) {
    const phone = await world.phone({ loginCode: person(`expired-${world.accNbr}`) });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setStorage("session", { token: "expired", expires_at: Date.now() + 1e9 });
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await seeSuccess(phone);
    assert.deepEqual(
      world.proxy.to("/score").map((entry) => entry.status),
      [401, 200],
    );
    assert.equal(new Set(ids(world.proxy)).size, 1);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "WeChat login fails: nothing is sent, all is kept"(world) {
    let code = "";
    const phone = await world.phone({ loginCode: () => code });
    const draft = await failToSend(world, phone, /微信登录没有成功，评价还没有发送/);
    assert.equal(draft.may_be_stored, false);
    world.step("wx.login fails");
    for (const [next, words] of [
      ["errcode-40029", /微信登录没有成功/],
      ["errcode-45011", /微信登录太频繁，请在 60 秒后再试/],
      ["errcode--1", /微信登录暂时不可用，请在 5 秒后再试/],
    ]) {
      code = next;
      await phone.tap("再次提交");
      await phone.page.locator("#failure").getByText(words).waitFor();
      world.step(next);
    }
    world.proxy.next("/wechat/login", reply(502, {}, "<h1>Bad Gateway</h1>"));
    await phone.tap("再次提交");
    await phone.page.getByRole("button", { name: "再次提交" }).waitFor();
    assert.deepEqual(sent(world.proxy), []);
    code = `code-late-${world.accNbr}`;
    await phone.tap("再次提交");
    await seeSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "once per dispatch, in words"(world) {
    const headers = {
      "Content-Type": "application/json",
      "X-Score-Error": "acc_nbr: this dispatch is already rated",
    };
    world.proxy.next("/score", reply(409, headers, '"数据提交失败"'));
    const phone = await world.phone({ loginCode: person(`once-${world.accNbr}`) });
    await failToSend(world, phone, /已经评价过，每次服务只能评价一次/);
    await phone.page.getByRole("button", { name: "查看已提交的评价" }).waitFor();
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-confirm");
    await phone.page.getByRole("button", { name: "提交评价" }).waitFor();
    assert.equal(await phone.storage("draft"), null);
  },
};

module.exports = { scenarios };
