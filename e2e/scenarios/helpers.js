// Shared by the scenarios.
const assert = require("node:assert/strict");
const { WAIT_TIMEOUT } = require("../timeouts");

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
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The number as a page shows it to everybody who sees the screen.
const masked = (accNbr) => `${accNbr.slice(0, 3)}****${accNbr.slice(-4)}`;

// Waits until `condition()` is true.
async function waitUntil(condition, description) {
  for (let waited = 0; waited < WAIT_TIMEOUT; waited += 50) {
    if (await condition()) return;
    await pause(50);
  }
  throw new assert.AssertionError({ message: description });
}

async function waitForSuccess(phone) {
  await waitUntil(() => phone.toasts.length, "no toast after a success");
  assert.deepEqual(phone.toasts, [SUCCESS]);
}

async function openFilled(world, phone, { accNbr = world.accNbr, grades = [4, 4, 4], remarks = REMARKS } = {}) {
  await phone.open(SCORE, `acc_nbr=${accNbr}`);
  await phone.fill("", grades, remarks);
}

// Fills in and submits a form that cannot be delivered. The page must show the failure and keep the entry.
// Returns the entry.
async function submitAndFail(world, phone, pattern, { accNbr = world.accNbr, grades = [4, 4, 4] } = {}) {
  await openFilled(world, phone, { accNbr, grades });
  await phone.tap("提交评价");
  await phone.waitForText("#failure", pattern);
  assert.deepEqual(phone.toasts, [], "no toast without the server's success");
  const entry = (await phone.outbox()).find((candidate) => candidate.acc_nbr === accNbr);
  assert.ok(entry, "the rating is kept in the outbox");
  assert.deepEqual([entry.grades, entry.remarks], [grades, REMARKS], "the content is kept");
  return entry;
}

// Submits once more, without success, and waits for the failure. The button and the message on the screen may be
// those of the attempt before; the line in the client's log is of this one.
async function submitAgainAndFail(phone, pattern, button = "再次提交") {
  const failures = () => phone.logs.filter((line) => /\bdelivery\b/.test(line)).length;
  const earlier = failures();
  await phone.tap(button);
  await waitUntil(() => failures() > earlier, "the client logs no failed attempt");
  await phone.waitForText("#failure", pattern);
}

async function resubmit(phone) {
  await phone.tap("再次提交");
  await waitForSuccess(phone);
}

// After success: one row, one id in all requests, and an empty outbox.
async function assertOneRow(world, phone, requests) {
  assert.deepEqual(await world.rows(), [row([4, 4, 4], REMARKS)]);
  if (requests) assert.equal(submissions(world.proxy).length, requests);
  assert.equal(new Set(submissionIds(world.proxy)).size, 1, "one id for all requests");
  assert.deepEqual(await phone.outbox(), []);
}

// A form of the server for addFault("/score/form", …).
const FORM = {
  grade_labels: ["网速", "安装", "价格"],
  grade_min: 0,
  grade_max: 10,
  remark_prompts: ["甲", "乙", "丙"],
  remark_length: 6,
  privacy: "只用于回访。",
  wechat_login: false,
  wechat_login_required: false,
};

module.exports = {
  ...{ SUCCESS, FAILURE, JSON_TYPE, SCORE, RESULT, REMARKS, UUID_4, FORM },
  ...{ row, submissions, submissionIds, pause, masked, waitUntil },
  ...{ waitForSuccess, openFilled, submitAndFail, submitAgainAndFail, resubmit, assertOneRow },
};
