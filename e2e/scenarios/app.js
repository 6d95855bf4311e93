// The app around the pages: addresses, updates, missing pages, the log, old versions of WeChat.
const assert = require("node:assert/strict");
const { DEVELOP, RELEASE } = require("../network");
const { REMARKS, SCORE, openFilled, row, submissions, waitForSuccess, waitUntil } = require("./helpers");
const { holdReply } = require("../faulty_proxy");

const scenarios = {
  async "a page that no longer exists leads to the form, with its number"(world) {
    const phone = await world.newPhone();
    await phone.open("pages/index/index", `phonenum=${world.accNbr}`);
    await phone.waitFor("#field-acc_nbr");
    assert.equal(await phone.text("acc_nbr"), world.accNbr);
    assert.equal(await phone.page.locator("#wx-not-found").count(), 0);
    await phone.toBackground();
    await phone.hotStart("pages/old/old", "");
    await phone.waitFor("#field-acc_nbr");
    await phone.fill(`${world.accNbr}1`, [4, 4, 4]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
  },

  async "each version of the mini program has its server"(world) {
    for (const [envVersion, base] of [
      ["develop", DEVELOP],
      ["trial", RELEASE],
      ["release", RELEASE],
    ]) {
      const phone = await world.newPhone({ envVersion });
      await phone.open(SCORE);
      await waitUntil(() => phone.requestedBases.size, `${envVersion}: no request arrives`);
      assert.deepEqual([...phone.requestedBases], [base], envVersion);
    }
  },

  async "a new version is offered, and the content survives the restart"(world) {
    const phone = await world.newPhone({ update: "ready" });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitForText("#wx-modal", /新版本/);
    await phone.page.tap("#wx-modal-cancel");
    assert.deepEqual(phone.wxCalls, [], "not without a yes");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.waitForOutbox((list) => list[0]?.remarks[2] === REMARKS[2], "the draft is stored");
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.page.tap("#wx-modal-confirm");
    await waitUntil(() => phone.wxCalls.some(([name]) => name === "applyUpdate"), "the new version is started");
    assert.equal((await phone.outbox()).length, 1);
  },

  async "a new version does not restart what is not on the phone"(world) {
    const phone = await world.newPhone({ update: "ready" });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitFor("#wx-modal");
    await phone.fillStorage();
    await phone.page.evaluate(() => {
      document.getElementById("wx-modal").style.top = "0";
    });
    await phone.rate(1, 4);
    await phone.waitFor("#storage-warning");
    await phone.page.tap("#wx-modal-confirm");
    await phone.page.waitForTimeout(300);
    assert.deepEqual(phone.wxCalls, [], "a restart would lose the content");
  },

  async "a failed update is only logged"(world) {
    const phone = await world.newPhone({ update: "failed" });
    await phone.open(SCORE);
    await waitUntil(() => phone.logs.some((line) => /update/.test(line)), "the failure is in the log");
    assert.equal(await phone.page.locator("#wx-modal").count(), 0);
  },

  async "errors are logged without personal data"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.control("callApp", "onError", `TypeError: cannot read "${world.accNbr}" of ${REMARKS[0]}\n at score.js:12`);
    await phone.control("callApp", "onUnhandledRejection", { reason: { errMsg: `request:fail ${world.accNbr}` } });
    await waitUntil(() => phone.logs.length >= 2, "both are logged");
    const text = phone.logs.join("\n");
    assert.match(text, /^error: .*TypeError.*score\.js/ms);
    assert.doesNotMatch(text, new RegExp(`${world.accNbr}|师傅`));
  },

  async "to the background and back within 5 s: the reply arrives"(world) {
    const phone = await world.newPhone();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await waitUntil(() => submissions(world.proxy).length === 1, "sent");
    await phone.toBackground();
    release();
    await waitUntil(async () => (await world.rows()).length === 1, "stored");
    await phone.page.waitForTimeout(200);
    await phone.toForeground();
    await phone.waitFor("#thanks");
    await waitForSuccess(phone);
    assert.equal(submissions(world.proxy).length, 1);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "an iPhone's errors and texts"(world) {
    const phone = await world.newPhone({ platform: "ios" });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有连上网络，评价还没有发出/);
    await phone.setNetwork("wifi");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "an old WeChat without the newer functions"(world) {
    const missing = "getAccountInfoSync onNetworkStatusChange getUpdateManager getRealtimeLogManager createSelectorQuery";
    const phone = await world.newPhone({ missing: `${missing} exitMiniProgram getRandomValues getPrivacySetting`.split(" ") });
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await phone.waitFor("#consent");
    await phone.tap("同意并提交");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    await phone.page.locator(".done").tap();
    await phone.waitFor("#field-acc_nbr");
  },
};

module.exports = { scenarios };
