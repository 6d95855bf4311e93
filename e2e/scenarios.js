// The scenarios of a customer. Each has its own account number, proxy and phones, so they run in parallel.
// run.js creates `world`.
const assert = require("node:assert/strict");
const { captivePortal, holdReply, loseReply, noReply, replyWith } = require("./faulty_proxy");

const SUCCESS = "数据提交成功";
const FAILURE = JSON.stringify("数据提交失败");
const JSON_TYPE = { "Content-Type": "application/json" };
const SCORE = "pages/score/score";
const RESULT = "pages/graderesult/graderesult";
const REMARKS = ['师傅很专业👍 & 100% "满意"\n第二行', "", "再快一点+就更好了"];
const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const row = (grades, remarks = ["", "", ""]) => ({
  ...Object.fromEntries(grades.map((grade, i) => [`grade${i + 1}`, grade])),
  ...Object.fromEntries(remarks.map((text, i) => [`txt${i + 1}`, text])),
});
const submissions = (proxy) => proxy.requestsTo("/score").map((entry) => JSON.parse(entry.body));
const submissionIds = (proxy) => submissions(proxy).map((submission) => submission.submission_id);

async function waitForSuccess(phone) {
  await phone.waitFor("#wx-toast");
  assert.deepEqual(phone.toasts, [SUCCESS]);
}

// Fills in and submits a form that cannot be delivered. The page must show the failure and keep the draft.
async function submitAndFail(world, phone, pattern, { accNbr = world.accNbr, grades = [4, 4, 4] } = {}) {
  await phone.open(SCORE, `acc_nbr=${accNbr}`);
  await phone.fill("", grades, REMARKS);
  await phone.tap("提交评价");
  await phone.waitForText("#failure", pattern);
  assert.deepEqual(phone.toasts, [], "no toast without the server's success");
  const draft = await phone.storage("draft");
  assert.deepEqual([draft.acc_nbr, draft.grades, draft.remarks], [accNbr, grades, REMARKS], "the draft is kept");
  return draft;
}

async function resubmit(phone) {
  await phone.tap("再次提交");
  await waitForSuccess(phone);
}

// After success: one row, one id in all requests, and no draft.
async function assertOneRow(world, phone, requests) {
  assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  assert.equal(submissions(world.proxy).length, requests);
  assert.equal(new Set(submissionIds(world.proxy)).size, 1, "one id for all requests");
  assert.equal(await phone.storage("draft"), null);
}

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
    await phone.rate("服务态度", 5);
    await phone.rate("专业水平", 4);
    await phone.rate("响应速度", 1);
    await phone.rate("响应速度", 3);
    assert.equal(await phone.page.getByRole("radio", { checked: true }).count(), 3);
    for (const [i, text] of REMARKS.entries()) await phone.type(`txt${i + 1}`, text);
    await phone.waitForText("#field-txt1 .counter", new RegExp(`^${Array.from(REMARKS[0]).length}/500$`));
    await world.takePicture(phone, "mp-score-filled");
    assert.match((await phone.storage("draft")).remarks[0], /👍/);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    await phone.page.waitForTimeout(150);
    await world.takePicture(phone, "mp-score-sent");
    world.step(`submitted, toast ${phone.toasts[0]}`);

    await phone.waitFor(".rating");
    assert.deepEqual(phone.wxCalls, [["redirectTo", `../graderesult/graderesult?phonenum=${world.accNbr}`]]);
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
    assert.equal(await phone.storage("draft"), null);
    world.step("one row in MariaDB, no draft");

    await phone.tap("再评一次");
    await phone.waitFor("#field-acc_nbr");
    assert.equal(await phone.page.inputValue("#field-acc_nbr input"), world.accNbr);
    await phone.fill("", [2, 2, 2]);
    await phone.tap("提交评价");
    await phone.page.waitForFunction('document.querySelectorAll(".rating").length === 2');
    assert.match(await phone.page.locator(".rating").first().innerText(), /2 分/, "newest first");
    assert.equal(new Set(submissionIds(world.proxy)).size, 2, "a new form has a new id");
    world.step("a second rating: two on the result page, newest first");
  },

  async "two taps send one request"(world) {
    const phone = await world.newPhone();
    const { fault, release } = holdReply();
    world.proxy.addFault("/score", fault);
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
    assert.ok(await phone.page.locator("#field-txt1 textarea").isDisabled(), "locked while sending");
    release();
    await waitForSuccess(phone);
    await assertOneRow(world, phone, 1);
  },

  async "the server is down"(world) {
    const phone = await world.newPhone();
    await world.proxy.stop();
    await submitAndFail(world, phone, /网络连接不上.*已保存在手机上.*不会重复记录/);
    await world.takePicture(phone, "mp-score-failed");
    world.step("opens with the built-in questions, shows the network failure, keeps the draft");
    await world.proxy.start();
    await resubmit(phone);
    await assertOneRow(world, phone, 1);
  },

  async "the server does not reply in time"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", noReply);
    await submitAndFail(world, phone, /等了很久没有得到回应/);
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "the reply is lost after the server stored the rating"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    const draft = await submitAndFail(world, phone, /不能确定是否已送达/);
    assert.equal(draft.may_be_stored, true);
    assert.equal((await world.rows()).length, 1, "the server has stored it");
    assert.ok(await phone.page.locator("#field-txt1 textarea").isDisabled(), "locked while it may be stored");
    await phone.page.getByRole("radio", { name: "服务态度，1 分" }).tap({ force: true });
    assert.deepEqual((await phone.storage("draft")).grades, [4, 4, 4]);
    world.step("the content is locked");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
    world.step("submitted again: still one row");
  },

  async "a draft changed after a lost reply is another rating"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", loseReply);
    await submitAndFail(world, phone, /不能确定是否已送达/);
    await phone.tap("修改内容，作为另一份评价");
    await phone.rate("服务态度", 1);
    await phone.tap("提交评价");
    await waitForSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS), row([1, 4, 4], REMARKS)]);
    assert.equal(new Set(submissionIds(world.proxy)).size, 2);
  },

  async "429: the server limits the rate"(world) {
    const phone = await world.newPhone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "rate: too many", "Retry-After": "7" };
    world.proxy.addFault("/score", replyWith(429, headers, FAILURE));
    const draft = await submitAndFail(world, phone, /太频繁，请在 7 秒后再次提交/);
    assert.equal(draft.may_be_stored, false, "a refused rating is not stored");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
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
    await phone.tap("再次提交");
    await phone.page.getByText("服务器出错了（502）").waitFor();
    await resubmit(phone);
    await assertOneRow(world, phone, 3);
  },

  async "200 with HTML or other JSON is not a success"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", captivePortal);
    world.proxy.addFault("/score", replyWith(200, JSON_TYPE, '{"ok":true}'));
    world.proxy.addFault("/score", replyWith(200, JSON_TYPE, FAILURE));
    world.proxy.addFault("/score", replyWith(204, {}, ""));
    await submitAndFail(world, phone, /不是评分服务器的回答/);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await phone.tap("再次提交");
      await phone.page.getByRole("button", { name: "再次提交", exact: true }).waitFor();
      await phone.waitForText("#failure", /还没有提交成功/);
      assert.deepEqual(phone.toasts, []);
    }
    await resubmit(phone);
    await assertOneRow(world, phone, 5);
  },

  async "the success text with status 404 is not a success"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", replyWith(404, JSON_TYPE, JSON.stringify(SUCCESS)));
    await submitAndFail(world, phone, /不是评分服务器的回答/);
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "a refusal marks the invalid field"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${encodeURIComponent("号码")}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.waitForText("#field-acc_nbr", /✕ 含有不能使用的字符/);
    await phone.type("acc_nbr", world.accNbr);
    assert.equal(await phone.page.locator("#field-acc_nbr .error").count(), 0, "a corrected field is not marked");
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
    assert.ok(await phone.page.locator("#field-txt3 textarea").isEnabled(), "a refused form stays editable");
    await resubmit(phone);
    await assertOneRow(world, phone, 4);
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
    await phone.closeApp();
    await phone.open(SCORE);
    await phone.waitForText("#offer", /它还没有发送/);
    await phone.tap("继续上次的评价");
    assert.equal(await phone.page.inputValue("#field-txt1 textarea"), REMARKS[0]);
    world.step("a draft that was never sent is offered");
    world.proxy.addFault("/score", loseReply);
    await phone.tap("提交评价");
    await phone.waitFor("#failure");
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.waitForText("#offer", /可能已经送达/);
    await phone.tap("继续上次的评价");
    await phone.waitFor("#failure");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
    world.step("closed after a lost reply: submitted again with the same id, one row");
  },

  async "the app is closed while sending"(world) {
    const phone = await world.newPhone();
    world.proxy.addFault("/score", holdReply().fault);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.closeApp();
    await phone.open(SCORE, "acc_nbr=other");
    await phone.waitForText("#offer", new RegExp(`${world.accNbr.slice(-4)}.*可能已经送达`));
    await phone.tap("继续上次的评价");
    await resubmit(phone);
    await assertOneRow(world, phone, 2);
  },

  async "the customer discards a draft"(world) {
    const phone = await world.newPhone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.closeApp();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-cancel");
    assert.ok(await phone.storage("draft"), "kept until confirmed");
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-confirm");
    await phone.waitFor("#field-txt1");
    assert.equal(await phone.page.inputValue("#field-txt1 textarea"), "");
    assert.equal(await phone.storage("draft"), null);
  },

  async "the article's client works unmodified"(world) {
    const phone = await world.newPhone({ client: "article" });
    await phone.open(SCORE, `phonenum=${world.accNbr}`);
    for (const [i, grade] of ["5", "4", "3"].entries()) await phone.page.fill(`.grade${i + 1} input`, grade);
    for (const [i, text] of REMARKS.entries()) await phone.page.fill(`.txt${i + 1} textarea`, text);
    await phone.tap("提交");
    await phone.waitForText("#refused", /看不到这个号码的评价.*为保护隐私/s);
    assert.deepEqual(phone.toasts, [SUCCESS]);
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
      [captivePortal, /不是评分服务器的回答/],
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
    assert.deepEqual(phone.wxCalls, [["openPrivacyContract", "《服务评价小程序隐私保护指引》"]]);
    await phone.tap("不同意");
    await phone.waitForText("#failure", /没有您的同意，号码和评价都不会发送/);
    const requests = world.proxy.requests.map((entry) => entry.path);
    assert.deepEqual([...new Set(requests)], ["/score/form"], "no personal data was sent");
    assert.deepEqual((await phone.storage("draft")).remarks, REMARKS);
    world.step("declined: nothing is sent, the draft is kept");
    await phone.tap("再次提交");
    await phone.tap("同意并提交");
    await waitForSuccess(phone);
    await assertOneRow(world, phone, 1);
    world.step("agreed: sent");
  },

  async "the server sets the questions and the range"(world) {
    const form = {
      grade_labels: ["网速", "安装", "价格"],
      grade_min: 0,
      grade_max: 10,
      remark_prompts: ["甲", "乙", "丙"],
      remark_length: 6,
      privacy: "只用于回访。",
      wechat_login: false,
      wechat_login_required: false,
    };
    const phone = await world.newPhone();
    world.proxy.addFault("/score/form", replyWith(200, JSON_TYPE, JSON.stringify(form)));
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    assert.equal(await phone.page.locator("#field-grade3 input").count(), 1, "eleven grades are typed");
    await phone.closeApp();
    await world.proxy.stop();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    world.step("the last copy is shown without a network");
    await phone.type("grade1", "0");
    await phone.type("grade2", "11");
    await phone.type("grade3", "10");
    await phone.type("txt1", "👍👍👍👍👍👍");
    await phone.waitForText("#field-txt1 .counter", /^6\/6$/);
    await phone.type("txt2", "一二三四五六七");
    await phone.tap("提交评价");
    await phone.waitForText("#field-txt2", /✕ 超出 1 字/);
    await phone.waitForText("#field-grade2", /✕ 请选择 0 到 10 分/);
    assert.equal(await phone.page.locator("#field-txt1 .error").count(), 0, "six emoji are six characters");
    assert.equal(await phone.page.locator("#field-grade1 .error").count(), 0, "0 is a valid grade here");
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

// Narrow and wide phones, small and the largest font sizes.
for (const [width, fontSize] of [
  [320, 16],
  [375, 17],
  [430, 17],
  [320, 28],
  [375, 28],
]) {
  scenarios[`the layout fits ${width} px at font size ${fontSize} px`] = async (world) => {
    const phone = await world.newPhone({ width, fontSize });
    const check = async (name) => {
      assert.equal(await phone.horizontalOverflow(), 0, `${name} scrolls sideways`);
      assert.deepEqual(await phone.clippedTexts(), [], `${name} clips text`);
      assert.deepEqual(await phone.smallTargets(), [], `${name} has small tap targets`);
    };
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [5, 4, 3], ["很长的一段话，没有空格".repeat(8), "W".repeat(80)]);
    await check("the score page");
    if (width === 375 && fontSize === 28) await world.takePicture(phone, "mp-score-large");
    await world.proxy.stop();
    await phone.tap("提交评价");
    await phone.waitFor("#failure");
    await check("the failed score page");
    await world.proxy.start();
    await phone.tap("再次提交");
    await phone.waitFor(".rating");
    await check("the result page");
  };
}

module.exports = {
  scenarios,
  helpers: { waitForSuccess, submitAndFail, row, submissions, submissionIds, REMARKS, SCORE, RESULT },
};
