// The score page and the thanks page: stars, ranges, folded remarks, what follows a low grade.
const assert = require("node:assert/strict");
const { replyWith } = require("../faulty_proxy");
const { FORM, JSON_TYPE, REMARKS, SCORE, masked, openFilled, row, waitForSuccess, waitUntil } = require("./helpers");

const withForm = (world, changes) =>
  world.proxy.addFault("/score/form", replyWith(200, JSON_TYPE, JSON.stringify({ ...FORM, ...changes })));
const checked = (phone, grade) => phone.page.locator(`#field-grade${grade} .star[aria-checked="true"]`);
const chosen = async (phone, grade) => Number(await checked(phone, grade).getAttribute("data-value"));

async function centre(phone, grade, points) {
  const box = await phone.star(grade, points).boundingBox();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

const scenarios = {
  async "a finger over the stars rates, and up and down it scrolls"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    const points = await Promise.all([1, 2, 3, 4].map((value) => centre(phone, 2, value)));
    await phone.drag(points);
    await phone.waitForText("#field-grade2 .word", /^满意$/);
    assert.equal(await chosen(phone, 2), 4);
    await phone.drag([points[3], points[2], { x: 2, y: points[0].y }]);
    await waitUntil(async () => (await chosen(phone, 2)) === 1, "beyond the left edge is the first star");
    const start = await centre(phone, 3, 2);
    await phone.drag([start, { x: start.x + 2, y: start.y - 60 }, { x: start.x + 50, y: start.y - 120 }]);
    await phone.page.waitForTimeout(200);
    assert.equal(await checked(phone, 3).count(), 0, "a scroll rates nothing");
    await phone.waitForOutbox(([entry]) => entry.grades[1] === 1, "the dragged grade is stored");
  },

  async "each grade has its word"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitForText("#field-grade1 .word", /请打分/);
    for (const [i, word] of ["很不满意", "不满意", "一般", "满意", "很满意"].entries()) {
      await phone.rate(1, i + 1);
      await phone.waitForText("#field-grade1 .word", new RegExp(`^${word}$`));
      assert.match(await checked(phone, 1).getAttribute("aria-label"), new RegExp(`服务态度，${i + 1} 分，${word}$`));
    }
    const colours = await phone.page.evaluate(() =>
      [...document.querySelectorAll("#field-grade1 .star")].map((star) => star.classList.contains("star-full")),
    );
    assert.deepEqual(colours, [true, true, true, true, true]);
  },

  async "a range from 0 to 10: 0 is a choice, and no star is full"(world) {
    const phone = await world.newPhone();
    withForm(world, { remark_length: 500 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    await phone.rate(1, 0);
    await phone.waitForText("#field-grade1 .word", /^0 分$/);
    assert.equal(await phone.page.locator("#field-grade1 .star-full").count(), 0);
    await phone.rate(2, 10);
    await phone.waitForText("#field-grade2 .word", /^10 分$/);
    assert.equal(await phone.page.locator("#field-grade2 .star-full").count(), 10);
    await phone.tap("提交评价");
    await phone.waitForText("#field-grade3", /请选择 0 到 10 分/);
    assert.equal(await phone.page.locator("#field-grade1 .error").count(), 0, "0 is chosen");
    await world.takePicture(phone, "mp-score-range-0-10");
  },

  async "a range from 0 to 3 is sent as chosen"(world) {
    const phone = await world.newPhone();
    withForm(world, { grade_max: 3, remark_length: 500 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    await phone.fill("", [3, 1, 2]);
    await phone.waitForText("#field-grade1 .word", /^3 分$/);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([3, 1, 2])]);
  },

  async "the server sets the questions, and a long range is typed"(world) {
    const phone = await world.newPhone();
    withForm(world, { grade_max: 100 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    await phone.page.locator("#field-grade3 input").waitFor();
    await phone.closeApp();
    await world.proxy.stop();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    world.step("the last copy is shown without a network");
    await phone.type("grade1", "0");
    await phone.type("grade2", "101");
    await phone.type("grade3", "100");
    await phone.type("txt1", "👍👍👍👍👍👍");
    await phone.waitForText("#field-txt1 .counter", /^6\/6$/);
    await phone.type("txt2", "一二三四五六七");
    await phone.tap("提交评价");
    await phone.waitForText("#field-txt2", /✕ 超出 1 字/);
    await phone.waitForText("#field-grade2", /✕ 请选择 0 到 100 分/);
    assert.equal(await phone.page.locator("#field-txt1 .error").count(), 0, "six emoji are six characters");
    assert.equal(await phone.page.locator("#field-grade1 .error").count(), 0, "0 is a valid grade here");
    await world.takePicture(phone, "mp-score-range-typed");
  },

  async "one remark is open, the others are folded and keep their text"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitFor("#field-txt1 textarea");
    const isOpen = (name) => phone.page.locator(`#field-${name} textarea`).isVisible();
    assert.deepEqual([await isOpen("txt1"), await isOpen("txt2"), await isOpen("txt3")], [true, false, false]);
    await phone.typeKeys("txt1", "第一", { delay: 20 });
    await phone.typeKeys("txt3", "第三", { delay: 20 });
    await phone.waitForGone("#field-txt1 textarea");
    await phone.waitForText("#field-txt1 .remark-preview", /第一/);
    await world.takePicture(phone, "mp-score-folded");
    await phone.typeKeys("txt1", "段", { delay: 20 });
    assert.equal(await phone.text("txt1").then((text) => [...text].sort().join("")), [..."第一段"].sort().join(""));
    await phone.fill("", [5, 5, 5]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    const [stored] = await world.rows();
    assert.equal(stored.txt3, "第三", "a folded remark is sent");
  },

  async "the submit button is on the first screen"(world) {
    const phone = await world.newPhone({ height: 667 });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    const box = await phone.page.getByRole("button", { name: "提交评价", exact: true }).boundingBox();
    assert.ok(box.y + box.height <= 667, `the button ends at ${box.y + box.height} px of 667`);
  },

  async "a pressed button and a pressed star look pressed"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    for (const target of [phone.page.getByRole("button", { name: "提交评价", exact: true }), phone.star(1, 3)]) {
      const style = () =>
        target.evaluate((element) => {
          const { backgroundColor, opacity, transform, filter } = getComputedStyle(element);
          return JSON.stringify([backgroundColor, opacity, transform, filter]);
        });
      const before = await style();
      const box = await target.boundingBox();
      await phone.drag([{ x: box.x + box.width / 2, y: box.y + box.height / 2 }], { lift: false });
      await waitUntil(async () => (await style()) !== before, "the pressed state does not differ");
      await target.evaluate((element) => element.dispatchEvent(new TouchEvent("touchcancel", { bubbles: true })));
      await phone.page.reload();
      await phone.page.waitForFunction("window.phoneIsReady || undefined");
    }
  },

  async "after a good rating: thanks, without customer service; 完成 ends"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone, { grades: [5, 4, 3] });
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    await phone.waitForText(".masked-number", new RegExp(masked(world.accNbr).replaceAll("*", "\\*")));
    assert.equal(await phone.page.locator(".contact").count(), 0);
    await phone.waitForGone("#wx-toast");
    await world.takePicture(phone, "mp-thanks");
    await phone.page.locator(".done").tap();
    await waitUntil(() => phone.wxCalls.some(([name]) => name === "exitMiniProgram"), "完成 leaves the mini program");
  },

  async "after a low grade: a button to customer service"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone, { grades: [5, 5, 2] });
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    await phone.waitFor(".contact");
    await phone.waitForGone("#wx-toast");
    await world.takePicture(phone, "mp-thanks-low");
    await phone.page.locator(".contact").tap();
    await waitUntil(() => phone.wxCalls.some(([name]) => name === "contact"), "the button opens customer service");
    assert.doesNotMatch(phone.page.url(), /phonenum/);
  },

  async "two phones, one number: neither sees the other's words"(world) {
    const [first, second] = [await world.newPhone(), await world.newPhone()];
    for (const [phone, remark] of [
      [first, "第一个人的话"],
      [second, "第二个人的话"],
    ]) {
      await openFilled(world, phone, { remarks: [remark] });
      await phone.tap("提交评价");
      await phone.tap("查看我的评价");
      await phone.waitFor(".rating");
    }
    await first.closeApp();
    await first.open("pages/graderesult/graderesult", `phonenum=${world.accNbr}`);
    await first.waitFor(".rating");
    assert.deepEqual(await first.page.locator(".answer-text").allInnerTexts(), ["第一个人的话"]);
    assert.deepEqual(await second.page.locator(".answer-text").allInnerTexts(), ["第二个人的话"]);
    assert.equal((await world.rows()).length, 2);
  },

  async "ten ratings of one phone are shown together"(world) {
    const phone = await world.newPhone();
    for (let i = 0; i < 10; i += 1) {
      const reply = await world.post("/score", { acc_nbr: world.accNbr, grade1: 5, grade2: 5, grade3: 5, txt1: `第${i}次` });
      const receipt = reply.headers.get("x-grade-receipt");
      if (!i) await phone.open("pages/graderesult/graderesult");
      const receipts = (await phone.storage("receipts")) ?? [];
      await phone.setStorage("receipts", [{ acc_nbr: world.accNbr, receipt }, ...receipts]);
    }
    await phone.closeApp();
    await phone.open("pages/graderesult/graderesult", `phonenum=${world.accNbr}`);
    await phone.waitFor(".rating >> nth=9");
    assert.equal(await phone.page.locator(".rating").count(), 10);
    await world.takePicture(phone, "mp-result-ten");
  },

  async "back from the results to the form keeps what was typed"(world) {
    const phone = await world.newPhone();
    await openFilled(world, phone);
    await phone.tap("查看以前的评价");
    await phone.waitFor("#refused");
    await phone.back();
    await phone.waitFor("#field-acc_nbr");
    assert.equal(await phone.text("txt3"), REMARKS[2]);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  },
};

module.exports = { scenarios };
