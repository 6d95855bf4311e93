// The keyboard, while the script and the screen exchange messages: no letter is lost.
const assert = require("node:assert/strict");
const { holdReply } = require("../faulty_proxy");
const { SCORE, row, waitForSuccess, waitUntil } = require("./helpers");

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

const scenarios = {
  async "36 letters typed while the form loads stay"(world) {
    const phone = await world.newPhone({ lag: 3 });
    const { fault, release } = holdReply();
    world.proxy.addFault("/score/form", fault);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.typeKeys("txt1", LETTERS.slice(0, 12), { delay: 25 });
    release();
    await phone.page.keyboard.type(LETTERS.slice(12), { delay: 25 });
    await waitUntil(() => world.proxy.requestsTo("/score/form")[0].status === 200, "the form did not load");
    await phone.page.waitForTimeout(600);
    assert.equal(await phone.text("txt1"), LETTERS);
    await phone.fill("", [5, 5, 5]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], [LETTERS, "", ""])]);
  },

  async "letters typed from field to field stay"(world) {
    const phone = await world.newPhone({ lag: 3 });
    await phone.open(SCORE);
    await phone.page.waitForTimeout(300);
    await phone.typeKeys("acc_nbr", world.accNbr.slice(0, 5), { delay: 25 });
    await phone.typeKeys("txt1", LETTERS.slice(0, 18), { delay: 25 });
    await phone.page.locator("#field-txt1 textarea").blur();
    await phone.page.locator("#field-txt1 textarea").focus();
    await phone.page.keyboard.type(LETTERS.slice(18), { delay: 25 });
    await phone.typeKeys("acc_nbr", world.accNbr.slice(5), { delay: 25 });
    await phone.page.waitForTimeout(600);
    assert.deepEqual([await phone.text("acc_nbr"), await phone.text("txt1")], [world.accNbr, LETTERS]);
  },

  async "letters typed right after a submit that finds errors stay"(world) {
    const phone = await world.newPhone({ lag: 3 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.typeKeys("txt1", LETTERS.slice(0, 18), { delay: 25 });
    await phone.tap("提交评价");
    await phone.page.locator("#field-txt1 textarea").focus();
    await phone.page.keyboard.type(LETTERS.slice(18), { delay: 25 });
    await phone.waitForText("#field-grade1", /请选择 1 到 5 分/);
    await phone.page.waitForTimeout(600);
    assert.equal(await phone.text("txt1"), LETTERS);
  },

  async "letters typed just before the submit are sent"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [5, 5, 5]);
    await phone.typeKeys("txt1", LETTERS, { delay: 0 });
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], [LETTERS, "", ""])]);
  },

  async "a blank is typed between the digits of a number"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.page.waitForTimeout(300);
    const typed = `${world.accNbr.slice(0, 3)} ${world.accNbr.slice(3)}`;
    await phone.type("acc_nbr", typed); // pasted from the address book
    await phone.page.locator("#field-acc_nbr input").blur();
    await phone.page.waitForTimeout(300);
    assert.equal(await phone.text("acc_nbr"), typed, "the script does not change the customer's text");
    await phone.fill("", [3, 3, 3]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([3, 3, 3])], "the blank is not part of the number");
  },

  async "the number keyboard, and letters on request"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.typeKeys("acc_nbr", "12a3");
    assert.equal(await phone.text("acc_nbr"), "123", "the number keyboard has no letters");
    await phone.page.locator(".keyboard-switch").tap();
    await phone.page.locator(".keyboard-switch").waitFor({ state: "hidden" });
    assert.equal(await phone.text("acc_nbr"), "123");
    await phone.page.locator("#field-acc_nbr input").press("End");
    await phone.page.keyboard.type("AB-7", { delay: 20 });
    assert.equal(await phone.text("acc_nbr"), "123AB-7");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=FTTH${world.accNbr}`);
    assert.equal(await phone.text("acc_nbr"), `FTTH${world.accNbr}`);
    assert.equal(await phone.page.locator(".keyboard-switch").count(), 0, "a number with letters has the text keyboard");
  },

  async "the keyboard does not cover the field"(world) {
    const phone = await world.newPhone({ height: 568 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    for (const field of ["txt1", "txt3"]) {
      await phone.typeKeys(field, "好");
      const space = await phone.page.evaluate((name) => {
        const control = document.querySelector(`#field-${name} textarea`).getBoundingClientRect();
        return document.querySelector("#wx-keyboard").getBoundingClientRect().top - control.bottom;
      }, field);
      assert.ok(space >= 80, `${field} is ${Math.round(space)} px above the keyboard`);
    }
  },

  async "a label focuses its field, and 完成 closes the keyboard"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    await phone.page.locator("#field-acc_nbr wx-label").tap();
    await phone.waitFor("#wx-keyboard");
    await phone.page.keyboard.type("138", { delay: 20 });
    await phone.page.keyboard.press("Enter");
    await phone.waitForGone("#wx-keyboard");
    assert.equal(await phone.text("acc_nbr"), "138");
  },
};

module.exports = { scenarios };
