// Pictures and layout of every page: narrow phones to tablets, small to large letters, light and dark. Each state
// is checked by inspect.js.
const assert = require("node:assert/strict");
const { findFaults } = require("../inspect");
const { captivePortal, holdReply, loseReply, replyWith } = require("../faulty_proxy");
const { FAILURE, JSON_TYPE, REMARKS, RESULT, SCORE, openFilled, waitForSuccess } = require("./helpers");

const LONG = ["很长的一段话，没有空格".repeat(8), "W".repeat(80)];
const LOOKS = [
  { name: "320", width: 320, height: 568, fontSize: 16 },
  { name: "375", width: 375, height: 667, fontSize: 17 },
  { name: "430", width: 430, height: 932, fontSize: 17 },
  { name: "600", width: 600, height: 960, fontSize: 17 },
  { name: "820", width: 820, height: 1180, fontSize: 17 },
  { name: "320-large", width: 320, height: 568, fontSize: 28 },
  { name: "375-large", width: 375, height: 667, fontSize: 28 },
  { name: "dark", width: 375, height: 667, fontSize: 17, dark: true },
  { name: "dark-820", width: 820, height: 1180, fontSize: 17, dark: true },
];

// Takes a picture of a state and returns its faults.
async function examine(world, phone, look, state) {
  await phone.page.evaluate(() => document.activeElement?.blur());
  await phone.page.waitForTimeout(200);
  await world.takePicture(phone, `mp-${state}-${look.name}`);
  return (await findFaults(phone.page)).map((fault) => `${state} at ${look.name}: ${fault}`);
}

const scenarios = {};
for (const look of LOOKS) {
  scenarios[`the pages look right: ${look.name}`] = async (world) => {
    const phone = await world.newPhone(look);
    const faults = [];
    const see = async (state) => faults.push(...(await examine(world, phone, look, state)));
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await see("empty");
    await phone.tap("提交评价");
    await phone.waitFor("#field-grade1 .error");
    await see("errors");
    await phone.fill("", [5, 4, 3], LONG);
    await see("filled");
    await phone.page.evaluate(() => window.scrollTo(0, 0));
    await world.proxy.stop();
    await phone.tap("提交评价");
    await phone.waitFor("#failure");
    await see("failed");
    await world.proxy.start();
    world.proxy.addFault("/score", replyWith(503, JSON_TYPE, FAILURE));
    await phone.tap("再次提交");
    await phone.waitFor(".locked-note");
    await see("locked");
    await phone.tap("再次提交");
    await waitForSuccess(phone);
    await phone.waitForGone("#wx-toast");
    await see("thanks");
    await phone.tap("查看我的评价");
    await phone.waitFor(".rating");
    await see("result");
    assert.deepEqual(faults, []);
  };
}

// States that look alike at each width.
const small = { name: "375", width: 375, height: 667, fontSize: 17 };
for (const look of [small, { ...small, name: "dark", dark: true }, { ...small, name: "375-large", fontSize: 28 }]) {
  scenarios[`further states look right: ${look.name}`] = async (world) => {
    const phone = await world.newPhone({ ...look, asksForPrivacy: true });
    const faults = [];
    const see = async (state) => faults.push(...(await examine(world, phone, look, state)));
    const found = replyWith(200, JSON_TYPE, JSON.stringify({ acc_nbr: world.accNbr, area: "城东" }));
    world.proxy.addFault("/score/code", found);
    await phone.open(SCORE, "scene=Ab3");
    await phone.waitFor(".locked-note");
    await phone.fill("", [1, 2, 2], REMARKS);
    await see("code");
    await phone.tap("提交评价");
    await phone.waitFor("#consent");
    await see("consent");
    await phone.waitForOutbox((list) => list.length === 1, "the draft is stored");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitFor("#offer");
    await see("offer");
    const [entry] = await phone.outbox();
    await phone.setStorage("outbox", [
      { ...entry, id: "11111111-1111-4111-8111-111111111111", state: "waiting", submitted: Date.now() },
      { ...entry, id: "21111111-1111-4111-8111-111111111111", state: "unconfirmed", submitted: Date.now() },
      { ...entry, id: "31111111-1111-4111-8111-111111111111", state: "refused", note: "评价未被接受（400）。" },
      { ...entry, id: "41111111-1111-4111-8111-111111111111", state: "unconfirmed", submitted: 1 },
    ]);
    await phone.closeApp();
    world.proxy.addFault("/score/code", loseReply);
    await phone.open(SCORE, "scene=Ab3");
    await phone.waitFor("#code-failed");
    await see("outbox");
    await phone.fillStorage();
    await phone.rate(1, 1);
    await phone.waitFor("#storage-warning");
    await see("full");
    await phone.freeStorage();
    await phone.setStorage("outbox", []);
    await phone.closeApp();

    const { fault, release } = holdReply();
    await phone.open(RESULT, `phonenum=${world.accNbr}`);
    await phone.waitFor("#refused");
    await see("result-refused");
    await phone.setStorage("receipts", [
      { acc_nbr: world.accNbr, receipt: "forged" },
      { acc_nbr: `${world.accNbr}1`, receipt: "forged" },
    ]);
    await phone.closeApp();
    await phone.open(RESULT);
    await phone.waitFor("#accounts");
    await see("result-accounts");
    await phone.closeApp();
    world.proxy.addFault("/graderesult", fault);
    await phone.open(RESULT, `phonenum=${world.accNbr}`);
    await phone.waitFor("#loading");
    await see("result-loading");
    release();
    await phone.closeApp();
    world.proxy.addFault("/graderesult", captivePortal);
    await phone.open(RESULT, `phonenum=${world.accNbr}`);
    await phone.waitFor("#failed");
    await see("result-failed");
    await phone.closeApp();
    await openFilled(world, phone, { grades: [1, 2, 2] });
    await phone.tap("提交评价");
    await phone.tap("同意并提交");
    await waitForSuccess(phone);
    await phone.waitFor(".contact");
    await phone.waitForGone("#wx-toast");
    await see("thanks-low");
    assert.deepEqual(faults, []);
  };
}

module.exports = { scenarios };
