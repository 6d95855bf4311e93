// A full or broken storage: nothing doubles, and each screen says what is so.
const assert = require("node:assert/strict");
const { holdReply, loseReply } = require("../faulty_proxy");
const { openFilled, REMARKS, row, SCORE, RESULT, submissionIds, submissions, waitForSuccess, waitUntil } = require("./helpers");

const CLAIMS = /已保存在手机上|已经保存在手机|内容会保留/;

async function assertNoClaim(phone, where) {
  assert.doesNotMatch(await phone.screenText(), CLAIMS, `${where} claims that the content is on the phone`);
}

const scenarios = {
  async "the storage is full, the app killed, the rating filled in again: one row"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fillStorage();
    world.proxy.addFault("/score", loseReply);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.page.waitForTimeout(300);
    const screens = [await phone.screenText()];
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /不能确定是否已送达/);
    screens.push(await phone.screenText());
    assert.equal((await world.rows()).length, 1, "the server has stored it");
    world.step("full storage, lost reply");

    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitFor("#field-txt1");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)], "one row");
    assert.equal(new Set(submissionIds(world.proxy)).size, 1, "one id for the same content");
    world.step("killed and filled in again: one row");

    for (const text of screens) {
      assert.match(text, /没有保存到手机上/, "the page says that nothing is kept on the phone");
      assert.doesNotMatch(text, CLAIMS, "the page claims that the content is on the phone");
    }
    await phone.waitForText("body", /查看凭证没有保存|可能看不到/);
    world.step("each screen is true, also about the receipt");
  },

  async "the storage fills up while a draft is written, and the draft is not claimed"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4]);
    await phone.waitForOutbox((list) => list.length === 1 && list[0].grades[2] === 4, "the draft is stored");
    assert.equal(await phone.page.locator("#storage-warning").count(), 0, "no warning while it is stored");
    await phone.fillStorage();
    await phone.type("txt1", REMARKS[0]);
    await phone.waitFor("#storage-warning");
    await phone.freeStorage();
    await phone.type("txt3", REMARKS[2]);
    await phone.waitForGone("#storage-warning");
    await phone.waitForOutbox((list) => list[0].remarks[0] === REMARKS[0], "all is stored again");
  },

  async "a full storage and no network: the page does not promise to keep or to send later"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fillStorage();
    await phone.setNetwork("none");
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#failure", /没有发出/);
    await assertNoClaim(phone, "the failure");
    await phone.waitFor("#storage-warning");
    await phone.setNetwork("wifi");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "with a full storage the receipt takes the space of the delivered rating"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone);
    await phone.waitForOutbox((list) => list[0]?.remarks[2] === REMARKS[2], "the draft is stored");
    await phone.fillStorage();
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    await phone.waitFor("#thanks");
    assert.equal(await phone.page.locator("#storage-warning").count(), 0, "nothing is lost");
    await phone.closeApp();
    await phone.open(RESULT, `phonenum=${world.accNbr}`);
    await phone.waitFor(".rating");
  },

  async "a full storage does not resurrect a delivered rating"(world) {
    const phone = await world.newPhone();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
    await openFilled(world, phone);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.fillStorage();
    release();
    await waitForSuccess(phone);
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.page.waitForTimeout(1200);
    assert.equal(submissions(world.proxy).length, 1, "not sent again");
    assert.equal(await phone.page.locator("#offer, #outbox").count(), 0, "not offered again");
  },

  async "a storage that cannot be read does not stop a rating"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.control("breakStorage");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.waitFor("#storage-warning");
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },

  async "a draft of the earlier client is taken over"(world) {
    const phone = await world.newPhone();
    await phone.open(RESULT);
    const draft = { submission_id: `2f0c9a4e-6f0f-4ad4-9f0f-0${world.accNbr}`, acc_nbr: world.accNbr, grades: [4, 4, 4] };
    await phone.setStorage("draft", { ...draft, remarks: REMARKS, may_be_stored: true });
    await phone.closeApp();
    await phone.open(SCORE);
    await waitUntil(async () => (await world.rows()).length === 1, "the earlier client's rating is delivered");
    assert.equal(submissions(world.proxy)[0].submission_id, draft.submission_id, "under its id");
    assert.equal(await phone.storage("draft"), null);
  },
};

module.exports = { scenarios };
