// What customers live through. Each scenario has an account number, a proxy and phones of its own, so
// they run side by side. `world` is made in run.js.
const assert = require("node:assert/strict");
const { gate, loseReply, portal, reply, silence } = require("./faulty_proxy");

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
const sent = (proxy) => proxy.to("/score").map((entry) => JSON.parse(entry.body));
const ids = (proxy) => sent(proxy).map((submission) => submission.submission_id);
const same = (list) => new Set(list).size === 1;

async function seeSuccess(phone) {
  await phone.see("#wx-toast");
  assert.deepEqual(phone.toasts, [SUCCESS]);
}

// Fills the form in and submits it where something is in the way; the page must say so, and offer to
// send it again.
async function failToSend(world, phone, pattern, { accNbr = world.accNbr, grades = [4, 4, 4] } = {}) {
  await phone.open(SCORE, `acc_nbr=${accNbr}`);
  await phone.fill("", grades, REMARKS);
  await phone.tap("提交评价");
  await phone.reads("#failure", pattern);
  assert.deepEqual(phone.toasts, [], "no toast before the server's own success");
  const draft = await phone.storage("draft");
  assert.deepEqual([draft.acc_nbr, draft.grades, draft.remarks], [accNbr, grades, REMARKS], "all is kept");
  return draft;
}

async function sendAgain(phone) {
  await phone.tap("再次提交");
  await seeSuccess(phone);
}

// After success: one row, every send under one id, and no draft left.
async function oneRow(world, phone, sends) {
  assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  assert.equal(sent(world.proxy).length, sends);
  assert.ok(same(ids(world.proxy)), "one id for all sends");
  assert.equal(await phone.storage("draft"), null);
}

const scenarios = {
  async "a rating is given, and shown"(world) {
    const phone = await world.phone();
    await phone.open(SCORE);
    assert.equal(await phone.title(), "服务评价");
    await world.picture(phone, "mp-score-empty");
    await phone.tap("提交评价");
    await phone.reads("#field-acc_nbr", /✕ 请填写业务号码/);
    await phone.reads("#field-grade1", /✕ 请选择 1 到 5 分/);
    assert.deepEqual(sent(world.proxy), [], "an incomplete form is not sent");
    world.step("an empty form points to its fields");

    await phone.type("acc_nbr", `${world.accNbr.slice(0, 3)} ${world.accNbr.slice(3)}`);
    await phone.rate("服务态度", 5);
    await phone.rate("专业水平", 4);
    await phone.rate("响应速度", 1);
    await phone.rate("响应速度", 3);
    assert.equal(await phone.page.getByRole("radio", { checked: true }).count(), 3);
    for (const [i, text] of REMARKS.entries()) await phone.type(`txt${i + 1}`, text);
    await phone.reads("#field-txt1 .counter", new RegExp(`^${Array.from(REMARKS[0]).length}/500$`));
    await world.picture(phone, "mp-score-filled");
    assert.match((await phone.storage("draft")).remarks[0], /👍/);
    await phone.tap("提交评价");
    await seeSuccess(phone);
    await phone.page.waitForTimeout(150);
    await world.picture(phone, "mp-score-sent");
    world.step(`submitted, toast ${phone.toasts[0]}`);

    await phone.see(".rating");
    assert.deepEqual(phone.visited, [["redirectTo", `../graderesult/graderesult?phonenum=${world.accNbr}`]]);
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
    await world.picture(phone, "mp-result");
    world.step("the result page shows grades, remarks and time");

    const [submission] = sent(world.proxy);
    assert.match(submission.submission_id, UUID_4);
    assert.deepEqual(await world.rows(), [row([5, 4, 3], REMARKS)]);
    assert.equal(await phone.storage("draft"), null);
    world.step("one row in MariaDB, no draft left");

    await phone.tap("再评一次");
    await phone.see("#field-acc_nbr");
    assert.equal(await phone.page.inputValue("#field-acc_nbr input"), world.accNbr);
    await phone.fill("", [2, 2, 2]);
    await phone.tap("提交评价");
    await phone.page.waitForFunction('document.querySelectorAll(".rating").length === 2');
    assert.match(await phone.page.locator(".rating").first().innerText(), /2 分/, "newest first");
    assert.equal(new Set(ids(world.proxy)).size, 2, "a new form has a new id");
    world.step("a second rating: two on the result page, newest first");
  },

  async "two taps are one request"(world) {
    const phone = await world.phone();
    const { fault, open } = gate();
    world.proxy.next("/score", fault);
    await phone.open(SCORE, `phonenum=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    // Both taps come before the page can show that it is busy.
    await phone.page.evaluate(() => {
      const button = [...document.querySelectorAll("wx-button")].find((one) => one.textContent.trim() === "提交评价");
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
    assert.ok(await phone.page.locator("#field-txt1 textarea").isDisabled(), "locked while it is sent");
    open();
    await seeSuccess(phone);
    await oneRow(world, phone, 1);
  },

  async "the server is down"(world) {
    const phone = await world.phone();
    await world.proxy.stop();
    await failToSend(world, phone, /网络连接不上.*已保存在手机上.*不会重复记录/);
    await world.picture(phone, "mp-score-failed");
    world.step("opens with its own questions, says that the network is down, keeps all");
    await world.proxy.start();
    await sendAgain(phone);
    await oneRow(world, phone, 1);
  },

  async "the server is slow"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", silence);
    await failToSend(world, phone, /等了很久没有得到回应/);
    await sendAgain(phone);
    await oneRow(world, phone, 2);
  },

  async "the reply is lost after the server stored the rating"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", loseReply);
    const draft = await failToSend(world, phone, /不能确定是否已送达/);
    assert.equal(draft.may_be_stored, true);
    assert.equal((await world.rows()).length, 1, "the server has it already");
    assert.ok(await phone.page.locator("#field-txt1 textarea").isDisabled(), "locked while it may be stored");
    await phone.page.getByRole("radio", { name: "服务态度，1 分" }).tap({ force: true });
    assert.deepEqual((await phone.storage("draft")).grades, [4, 4, 4]);
    world.step("the content is locked");
    await sendAgain(phone);
    await oneRow(world, phone, 2);
    world.step("sent again: still one row");
  },

  async "changed after a lost reply, it is another rating"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", loseReply);
    await failToSend(world, phone, /不能确定是否已送达/);
    await phone.tap("修改内容，作为另一份评价");
    await phone.rate("服务态度", 1);
    await phone.tap("提交评价");
    await seeSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS), row([1, 4, 4], REMARKS)]);
    assert.equal(new Set(ids(world.proxy)).size, 2);
  },

  async "too often: 429"(world) {
    const phone = await world.phone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "rate: too many", "Retry-After": "7" };
    world.proxy.next("/score", reply(429, headers, FAILURE));
    const draft = await failToSend(world, phone, /太频繁，请在 7 秒后再次提交/);
    assert.equal(draft.may_be_stored, false, "a refusal by the server leaves no doubt");
    await sendAgain(phone);
    await oneRow(world, phone, 2);
  },

  async "the store is unreachable: 503"(world) {
    const phone = await world.phone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "store: unreachable", "Retry-After": "240" };
    world.proxy.next("/score", reply(503, headers, FAILURE));
    await failToSend(world, phone, /暂时无法保存，请在 4 分钟后再次提交/);
    await sendAgain(phone);
    await oneRow(world, phone, 2);
  },

  async "a fault of the server: 500, 502 with HTML"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", reply(500, JSON_TYPE, FAILURE));
    world.proxy.next("/score", reply(502, { "Content-Type": "text/html" }, "<h1>502 Bad Gateway</h1>"));
    await failToSend(world, phone, /服务器出错了（500）/);
    await phone.tap("再次提交");
    await phone.page.getByText("服务器出错了（502）").waitFor();
    await sendAgain(phone);
    await oneRow(world, phone, 3);
  },

  async "HTML or other JSON with 200 is no success"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", portal);
    world.proxy.next("/score", reply(200, JSON_TYPE, '{"ok":true}'));
    world.proxy.next("/score", reply(200, JSON_TYPE, FAILURE));
    world.proxy.next("/score", reply(204, {}, ""));
    await failToSend(world, phone, /不是评分服务器的回答/);
    for (let again = 0; again < 3; again += 1) {
      await phone.tap("再次提交");
      await phone.page.getByRole("button", { name: "再次提交", exact: true }).waitFor();
      await phone.reads("#failure", /还没有提交成功/);
      assert.deepEqual(phone.toasts, []);
    }
    await sendAgain(phone);
    await oneRow(world, phone, 5);
  },

  async "success in words, but not in status, is no success"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", reply(404, JSON_TYPE, JSON.stringify(SUCCESS)));
    await failToSend(world, phone, /不是评分服务器的回答/);
    await sendAgain(phone);
    await oneRow(world, phone, 2);
  },

  async "a refusal points to the field"(world) {
    const phone = await world.phone();
    await phone.open(SCORE, `acc_nbr=${encodeURIComponent("号码")}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.reads("#field-acc_nbr", /✕ 含有不能使用的字符/);
    await phone.type("acc_nbr", world.accNbr);
    assert.equal(await phone.page.locator("#field-acc_nbr .error").count(), 0, "the mark goes with the fault");
    world.step("acc_nbr, by the real server");
    for (const [error, field, words] of [
      ["x-score-error", "grade2", /✕ 分数不在可选范围内/],
      ["X-SCORE-ERROR", "txt3", /✕ 长度不符合要求/],
    ]) {
      const reason = field === "grade2" ? "out of range" : "longer than 300 characters";
      world.proxy.next("/score", reply(400, { ...JSON_TYPE, [error]: `${field}: ${reason}` }, FAILURE));
      await phone.page.getByRole("button", { name: /提交评价|再次提交/ }).tap();
      await phone.reads(`#field-${field}`, words);
      assert.ok(await phone.page.locator(`#field-${field}`).isVisible());
    }
    world.step("grade2 and txt3, with the header's name in small and in capital letters");
    assert.ok(await phone.page.locator("#field-txt3 textarea").isEnabled(), "a refused form stays open for changes");
    await sendAgain(phone);
    await oneRow(world, phone, 4);
  },

  async "an id that is taken: 409"(world) {
    const phone = await world.phone();
    const headers = { ...JSON_TYPE, "X-Score-Error": "submission_id: already used for other content" };
    world.proxy.next("/score", reply(409, headers, FAILURE));
    await failToSend(world, phone, /编号已用于另一份内容/);
    await phone.tap("作为另一份评价提交");
    await seeSuccess(phone);
    assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
    assert.equal(new Set(ids(world.proxy)).size, 2);
  },

  async "the app is closed with a draft, and opened again"(world) {
    const phone = await world.phone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.kill();
    await phone.open(SCORE);
    await phone.reads("#offer", /它还没有发送/);
    await phone.tap("继续上次的评价");
    assert.equal(await phone.page.inputValue("#field-txt1 textarea"), REMARKS[0]);
    world.step("a draft that was never sent is offered");
    world.proxy.next("/score", loseReply);
    await phone.tap("提交评价");
    await phone.see("#failure");
    await phone.kill();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.reads("#offer", /可能已经送达/);
    await phone.tap("继续上次的评价");
    await phone.see("#failure");
    await sendAgain(phone);
    await oneRow(world, phone, 2);
    world.step("closed after a lost reply: sent again under its id, one row");
  },

  async "the app is closed while it sends"(world) {
    const phone = await world.phone();
    world.proxy.next("/score", gate().fault);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.page.getByRole("button", { name: "正在提交…" }).waitFor();
    await phone.kill();
    await phone.open(SCORE, "acc_nbr=other");
    await phone.reads("#offer", new RegExp(`${world.accNbr.slice(-4)}.*可能已经送达`));
    await phone.tap("继续上次的评价");
    await sendAgain(phone);
    await oneRow(world, phone, 2);
  },

  async "a draft is given up"(world) {
    const phone = await world.phone();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.kill();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-cancel");
    assert.ok(await phone.storage("draft"), "kept unless confirmed");
    await phone.tap("放弃并重新填写");
    await phone.page.tap("#wx-modal-confirm");
    await phone.see("#field-txt1");
    assert.equal(await phone.page.inputValue("#field-txt1 textarea"), "");
    assert.equal(await phone.storage("draft"), null);
  },

  async "the article's client, unmodified"(world) {
    const phone = await world.phone({ client: "article" });
    await phone.open(SCORE, `phonenum=${world.accNbr}`);
    for (const [i, grade] of ["5", "4", "3"].entries()) await phone.page.fill(`.grade${i + 1} input`, grade);
    for (const [i, text] of REMARKS.entries()) await phone.page.fill(`.txt${i + 1} textarea`, text);
    await phone.tap("提交");
    await phone.reads("#refused", /看不到这个号码的评价.*为保护隐私/s);
    assert.deepEqual(phone.toasts, [SUCCESS]);
    assert.deepEqual(phone.visited, [["redirectTo", `../graderesult/graderesult?phonenum=${world.accNbr}`]]);
    assert.deepEqual(await world.rows(), [row([5, 4, 3], REMARKS)]);
    const [{ headers, body }] = world.proxy.to("/score");
    assert.equal(headers.chartset, "utf-8");
    assert.match(body, /^acc_nbr=%22\d+%22&grade1=%225%22&.*txt1=%22.*%5Cn/);
    world.step("submits and toasts; the result page is refused politely");
    const { status, data } = await world.get(`/graderesult?phonenum=${world.accNbr}`);
    assert.deepEqual([status, data.error, typeof data.message], [403, "forbidden", "string"]);
    world.step("its own request for the results: 403, JSON, in words");
  },

  async "result page: loading, refused, failed"(world) {
    const phone = await world.phone();
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.see("#refused");
    assert.deepEqual(world.proxy.to("/graderesult"), [], "the number does not travel without a receipt");
    await phone.setStorage("receipts", [{ acc_nbr: "13800138000", receipt: "forged" }]);
    await phone.kill();
    const { fault, open } = gate();
    world.proxy.next("/graderesult", fault);
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.see("#loading");
    open();
    await phone.see("#refused");
    assert.equal(world.proxy.to("/graderesult")[0].status, 403);
    world.step("a forged receipt: loading, then refused by the server");
    const broken = [
      [portal, /不是评分服务器的回答/],
      [reply(503, { ...JSON_TYPE, "Retry-After": "5" }, '{"error":"store"}'), /请在 5 秒后再试/],
      [reply(500, {}, "oops"), /服务器出错了（500）/],
      [loseReply, /网络连接不上/],
    ];
    await phone.kill();
    for (const [fault] of broken) world.proxy.next("/graderesult", fault);
    await phone.open(RESULT, "phonenum=13800138000");
    for (const [, words] of broken) {
      await phone.page.locator("#failed").getByText(words).waitFor();
      await phone.tap("再试一次");
    }
    await phone.see("#refused");
    world.step("failures in words, each with another try");
    world.proxy.next(
      "/graderesult",
      reply(200, JSON_TYPE, '{"grade_labels":["a","b","c"],"grade_min":1,"grade_max":5,"ratings":[],"more":false}'),
    );
    await phone.kill();
    await phone.open(RESULT, "phonenum=13800138000");
    await phone.see("#empty");
    world.step("no ratings");
  },

  async "consent comes before the number"(world) {
    const phone = await world.phone({ asksForPrivacy: true });
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [4, 4, 4], REMARKS);
    await phone.tap("提交评价");
    await phone.reads("#consent", /提交前请您同意.*号码/s);
    await world.picture(phone, "mp-consent");
    await phone.tap("查看《服务评价小程序隐私保护指引》");
    assert.deepEqual(phone.visited, [["openPrivacyContract", "《服务评价小程序隐私保护指引》"]]);
    await phone.tap("不同意");
    await phone.reads("#failure", /没有您的同意，号码和评价都不会发送/);
    const requests = world.proxy.seen.map((entry) => entry.path);
    assert.deepEqual([...new Set(requests)], ["/score/form"], "nothing personal was sent");
    assert.deepEqual((await phone.storage("draft")).remarks, REMARKS);
    world.step("declined: nothing is sent, the draft is kept");
    await phone.tap("再次提交");
    await phone.tap("同意并提交");
    await seeSuccess(phone);
    await oneRow(world, phone, 1);
    world.step("agreed: sent");
  },

  async "questions and range come from the server"(world) {
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
    const phone = await world.phone();
    world.proxy.next("/score/form", reply(200, JSON_TYPE, JSON.stringify(form)));
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    assert.equal(await phone.page.locator("#field-grade3 input").count(), 1, "eleven grades are typed");
    await phone.kill();
    await world.proxy.stop();
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.page.getByText("价格").waitFor();
    world.step("the last copy is there without a network");
    await phone.type("grade1", "0");
    await phone.type("grade2", "11");
    await phone.type("grade3", "10");
    await phone.type("txt1", "👍👍👍👍👍👍");
    await phone.reads("#field-txt1 .counter", /^6\/6$/);
    await phone.type("txt2", "一二三四五六七");
    await phone.tap("提交评价");
    await phone.reads("#field-txt2", /✕ 超出 1 字/);
    await phone.reads("#field-grade2", /✕ 请选择 0 到 10 分/);
    assert.equal(await phone.page.locator("#field-txt1 .error").count(), 0, "six emoji are six characters");
    assert.equal(await phone.page.locator("#field-grade1 .error").count(), 0, "0 is a grade here");
  },

  async "500 emoji are 500 characters"(world) {
    const phone = await world.phone();
    const text = "👍".repeat(500);
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [5, 5, 5], [text]);
    await phone.reads("#field-txt1 .counter", /^500\/500$/);
    await phone.tap("提交评价");
    await seeSuccess(phone);
    assert.deepEqual(await world.rows(), [row([5, 5, 5], [text, "", ""])]);
  },
};

// Narrow and wide phones, small and the largest letters.
for (const [width, fontSize] of [
  [320, 16],
  [375, 17],
  [430, 17],
  [320, 28],
  [375, 28],
]) {
  scenarios[`at ${width} px, with letters of ${fontSize} px`] = async (world) => {
    const phone = await world.phone({ width, fontSize });
    const check = async (name) => {
      assert.equal(await phone.sideways(), 0, `${name} scrolls sideways`);
      assert.deepEqual(await phone.cutTexts(), [], `${name} cuts text`);
      assert.deepEqual(await phone.smallTargets(), [], `${name} has what is smaller than a finger`);
    };
    await phone.open(SCORE, `acc_nbr=${world.accNbr}`);
    await phone.fill("", [5, 4, 3], ["很长的一段话，没有空格".repeat(8), "W".repeat(80)]);
    await check("the score page");
    if (width === 375 && fontSize === 28) await world.picture(phone, "mp-score-large");
    await world.proxy.stop();
    await phone.tap("提交评价");
    await phone.see("#failure");
    await check("the failed score page");
    await world.proxy.start();
    await phone.tap("再次提交");
    await phone.see(".rating");
    await check("the result page");
  };
}

module.exports = { scenarios, helpers: { seeSuccess, sendAgain, failToSend, row, sent, ids, REMARKS, SCORE, RESULT } };
