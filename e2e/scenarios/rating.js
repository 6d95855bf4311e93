// A rating from the empty form to the result page.
const assert = require("node:assert/strict");
const { captivePortal, holdReply, loseReply, replyWith } = require("../faulty_proxy");
const { FAILURE, JSON_TYPE, REMARKS, RESULT, SCORE, UUID_4, assertOneRow, masked, resubmit } = require("./helpers");
const { row, submissionIds, submissions, waitForSuccess, waitUntil } = require("./helpers");

const scenarios = {
  async "a rating is sent and shown"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE);
    assert.equal(await phone.title(), "服务评价");
    await world.takePicture(phone, "mp-score-empty");
    await phone.tap("提交评价");
    await phone.waitForText("#field-acc_nbr", /✕ 请填写业务号码/);
    await phone.waitForText("#field-grade1", /✕ 请选择 1 到 5 分/);
    assert.deepEqual(submissions(world.proxy), [], "an incomplete form is not sent");
    world.step("an empty form marks its fields");

    await phone.type("acc_nbr", `${world.accNbr.slice(0, 3)} ${world.accNbr.slice(3)}`);
    for (const [grade, points] of [
      [1, 5],
      [2, 4],
      [3, 1],
      [3, 3],
    ])
      await phone.rate(grade, points);
    await phone.waitForText("#field-grade3 .word", /一般/);
    assert.equal(await phone.page.getByRole("radio", { checked: true }).count(), 3);
    for (const [i, text] of [...REMARKS.entries()].reverse()) if (text) await phone.type(`txt${i + 1}`, text);
    await phone.waitForText("#field-txt1 .counter", new RegExp(`^${Array.from(REMARKS[0]).length}/500$`));
    await world.takePicture(phone, "mp-score-filled");
    await phone.waitForOutbox(([entry]) => /👍/.test(entry.remarks[0]), "stored while typing");
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    await phone.waitForText("#thanks", new RegExp(masked(world.accNbr).replaceAll("*", "\\*")));
    assert.doesNotMatch(await phone.screenText(), new RegExp(world.accNbr), "the number is masked");
    assert.equal(await phone.title(), "提交成功");
    await world.takePicture(phone, "mp-thanks-toast");
    world.step(`submitted, toast ${phone.toasts[0]}, thanks`);

    await phone.tap("查看我的评价");
    await phone.waitFor(".rating");
    assert.deepEqual(phone.wxCalls, [
      ["redirectTo", "../thanks/thanks"],
      ["redirectTo", `../graderesult/graderesult?phonenum=${world.accNbr}`],
    ]);
    assert.equal(await phone.title(), "我的评价");
    const shown = await phone.page.locator(".rating").innerText();
    for (const text of [
      "服务态度",
      "5 分",
      "4 分",
      "3 分",
      '师傅很专业👍 & 100% "满意"\n第二行',
      "再快一点+就更好了",
    ]) {
      assert.ok(shown.includes(text), `${text} is missing in: ${shown}`);
    }
    assert.match(shown, /20\d\d-\d\d-\d\d \d\d:\d\d/);
    await world.takePicture(phone, "mp-result");
    world.step("the result page shows grades, remarks and time");

    const [submission] = submissions(world.proxy);
    assert.match(submission.submission_id, UUID_4);
    assert.deepEqual(await world.rows(), [row([5, 4, 3], REMARKS)]);
    assert.deepEqual(await phone.outbox(), []);
    world.step("one row in MariaDB, an empty outbox");

    await phone.tap("再评一次");
    await phone.waitFor("#field-acc_nbr");
    assert.equal(await phone.text("acc_nbr"), world.accNbr);
    await phone.fill("", [2, 2, 2]);
    await phone.tap("提交评价");
    await phone.tap("查看我的评价");
    await phone.page.waitForFunction('document.querySelectorAll(".rating").length === 2');
    assert.match(await phone.page.locator(".rating").first().innerText(), /2 分/, "newest first");
    assert.equal(new Set(submissionIds(world.proxy)).size, 2, "a new form has a new id");
    world.step("a second rating: two on the result page, newest first");
  },

  async "two taps send one request"(world) {
    const phone = await world.newPhone();
    const { fault, release } = holdReply();
    // A client that sends a request for each tap waits for all of them.
    for (let tap = 0; tap < 3; tap += 1) world.proxy.addFault("/score", fault);
    await phone.open(SCORE, `phonenum=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    // All taps come before the page can disable the button.
    await phone.page.evaluate(() => {
      const buttons = [...document.querySelectorAll("wx-button")];
      const button = buttons.find((element) => element.textContent.trim() === "提交评价");
      const box = button.getBoundingClientRect();
      const at = { clientX: box.x + 20, clientY: box.y + 20, pageX: box.x + 20, pageY: box.y + scrollY + 20 };
      for (let tap = 0; tap < 3; tap += 1) {
        for (const type of ["touchstart", "touchend"]) {
          const touch = new Touch({ identifier: tap, target: button, ...at });
          const touches = type === "touchstart" ? [touch] : [];
          button.dispatchEvent(
            new TouchEvent(type, { bubbles: true, cancelable: true, touches, changedTouches: [touch] }),
          );
        }
      }
    });
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.waitForState("#field-txt1 textarea", "disabled", "locked while sending");
    release();
    await waitForSuccess(phone);
    await assertOneRow(world, phone, 1);
  },

  async "a refusal marks the invalid field"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${encodeURIComponent("号码")}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#field-acc_nbr", /✕ 含有不能使用的字符/);
    await phone.type("acc_nbr", world.accNbr);
    await phone.waitForGone("#field-acc_nbr .error");
    world.step("acc_nbr, by the real server");
    for (const [header, field, message] of [
      ["x-score-error", "grade2", /✕ 分数不在可选范围内/],
      ["X-SCORE-ERROR", "txt3", /✕ 长度不符合要求/],
    ]) {
      const reason = field === "grade2" ? "out of range" : "longer than 300 characters";
      world.proxy.addFault("/score", replyWith(400, { ...JSON_TYPE, [header]: `${field}: ${reason}` }, FAILURE));
      await phone.page.getByRole("button", { name: /提交评价|再次提交/ }).tap();
      await phone.waitForText(`#field-${field}`, message);
      assert.ok(await phone.page.locator(`#field-${field}`).isVisible());
    }
    world.step("grade2 and txt3, with the header's name in lower and in upper case");
    await phone.waitForState("#field-txt3 textarea", "enabled", "a refused form stays editable");
    await resubmit(phone);
    await assertOneRow(world, phone, 4);
  },

  async "the article's client works unmodified"(world) {
    const phone = await world.newPhone({ client: "article" });
    await phone.open(SCORE, `phonenum=${world.accNbr}`);
    for (const [i, grade] of ["5", "4", "3"].entries()) await phone.page.fill(`.grade${i + 1} input`, grade);
    for (const [i, text] of REMARKS.entries()) await phone.page.fill(`.txt${i + 1} textarea`, text);
    await phone.tap("提交");
    await phone.waitForText("#refused", /看不到这个号码的评价.*为保护隐私/s);
    await waitForSuccess(phone);
    assert.deepEqual(phone.wxCalls, [["redirectTo", `../graderesult/graderesult?phonenum=${world.accNbr}`]]);
    assert.deepEqual(await world.rows(), [row([5, 4, 3], REMARKS)]);
    const [{ headers, body }] = world.proxy.requestsTo("/score");
    assert.equal(headers.chartset, "utf-8");
    assert.match(body, /^acc_nbr=%22\d+%22&grade1=%225%22&.*txt1=%22.*%5Cn/);
    world.step("submits and shows the toast; the result page shows the refusal");
    const { status, data } = await world.get(`/graderesult?phonenum=${world.accNbr}`);
    assert.deepEqual([status, data.error, typeof data.message], [403, "forbidden", "string"]);
    world.step("its own request for the results: 403 with JSON and a message");
  },

  async "the result page shows loading, refusal and failure"(world) {
    const phone = await world.newPhone();
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.waitFor("#refused");
    assert.deepEqual(world.proxy.requestsTo("/graderesult"), [], "the number is not sent without a receipt");
    await phone.setStorage("receipts", [{ acc_nbr: "13800138000", receipt: "forged" }]);
    await phone.closeApp();
    const { fault, release } = holdReply();
    world.proxy.addFault("/graderesult", fault);
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.waitFor("#loading");
    release();
    await phone.waitFor("#refused");
    assert.equal(world.proxy.requestsTo("/graderesult")[0].status, 403);
    world.step("a forged receipt: loading, then refused by the server");
    const failures = [
      [captivePortal, /不是来自评分服务器/],
      [replyWith(503, { ...JSON_TYPE, "Retry-After": "5" }, '{"error":"store"}'), /请在 5 秒后再试/],
      [replyWith(500, {}, "oops"), /服务器出错了（500）/],
      [loseReply, /网络连接不上/],
    ];
    await phone.closeApp();
    for (const [failure] of failures) world.proxy.addFault("/graderesult", failure);
    await phone.open(RESULT, "phonenum=13800138000");
    for (const [, text] of failures) {
      await phone.page.locator("#failed").getByText(text).waitFor();
      await phone.tap("再试一次");
    }
    await phone.waitFor("#refused");
    world.step("each failure has a message and a button to try again");
    world.proxy.addFault(
      "/graderesult",
      replyWith(200, JSON_TYPE, '{"grade_labels":["a","b","c"],"grade_min":1,"grade_max":5,"ratings":[],"more":false}'),
    );
    await phone.closeApp();
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.waitFor("#empty");
    world.step("no ratings");
  },

  async "the number is sent only after consent"(world) {
    const phone = await world.newPhone({ asksForPrivacy: true });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#consent", /提交前请您同意.*号码/s);
    await world.takePicture(phone, "mp-consent");
    await phone.tap("查看《服务评价小程序隐私保护指引》");
    await waitUntil(() => phone.wxCalls.length, "the guideline is opened");
    assert.deepEqual(phone.wxCalls, [["openPrivacyContract", "《服务评价小程序隐私保护指引》"]]);
    await phone.tap("不同意");
    await phone.waitForText("#failure", /没有您的同意，号码和评价都不会发送/);
    const requests = world.proxy.requests.map((entry) => entry.path);
    assert.deepEqual([...new Set(requests)], ["/score/form"], "no personal data was sent");
    assert.deepEqual((await phone.outbox())[0].remarks, REMARKS);
    world.step("declined: nothing is sent, the draft is kept");
    await phone.tap("再次提交");
    await phone.tap("同意并提交");
    await waitForSuccess(phone);
    await assertOneRow(world, phone, 1);
    world.step("agreed: sent");
  },

  async "500 emoji count as 500 characters"(world) {
    const phone = await world.newPhone();
    const text = "👍".repeat(500);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [5, 5, 5], [text]);
    await phone.waitForText("#field-txt1 .counter", /^500\/500$/);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], [text, "", ""])]);
  },
};

module.exports = { scenarios };
