// Checks the scenarios: a client broken in one place must fail, with the expected error.
const fs = require("node:fs");
const path = require("node:path");
const { buildClient, BuildError } = require("./build");

const SCORE = "pages/score/score";
const RESULT = "pages/graderesult/graderesult";
const RATING = "a rating is sent and shown";
const EMOJI = "500 emoji count as 500 characters";
const LOST_REPLY = "the reply is lost after the server stored the rating";
const AT_BUILD = null; // the build must fail

// Name of the fault: file, text, its replacement, the scenario that must fail, the expected error.
const MUTATIONS = {
  "the submit handler is renamed": [
    `${SCORE}.wxml`,
    'bindsubmit="submit"',
    'bindsubmit="send"',
    RATING,
    /请填写业务号码|errors in the client's scripts/,
  ],
  "the stars' handler is renamed": [`${SCORE}.wxml`, 'bindtap="rate"', 'bindtap="rates"', RATING, /0 !== 3/],
  "a wrong address": ["delivery.js", '"/score"', '"/scores"', EMOJI, /#wx-toast/],
  "a wrong page": [`${SCORE}.js`, "`../graderesult/graderesult$", "`../graderesult/gradresult$", RATING, /\.rating/],
  "a wrong module": [`${SCORE}.js`, '"../../draft"', '"../draft"', RATING, /module not found: pages\/draft/],
  "http in place of https": ["config.js", "https://", "http://", EMOJI, /#wx-toast/],
  fetch: [
    `${SCORE}.js`,
    "onLoad(options) {",
    'onLoad(options) { fetch("/score/form");',
    RATING,
    /fetch is not defined/,
  ],
  document: [
    `${RESULT}.js`,
    "onLoad(options) {",
    'onLoad(options) { document.title = "";',
    RATING,
    /document is not defined/,
  ],
  localStorage: [
    "storage.js",
    "wx.getStorageSync(key)",
    "localStorage.getItem(key)",
    "a draft survives closing the app",
    /#offer/,
  ],
  "a missing end tag": [`${SCORE}.wxml`, "</form>", "", AT_BUILD, /wcc refuses/],
  "a missing brace in a style": [`${SCORE}.wxss`, ".stars {", ".stars", AT_BUILD, /wcsc refuses/],
  "a script newer than ES2015": [
    `${SCORE}.js`,
    "event.detail.value",
    "event?.detail.value",
    AT_BUILD,
    /more than ES2015/,
  ],
  "a new id for each attempt": [
    "draft.js",
    "if (draft.submission_id) return Promise.resolve(draft);",
    "",
    LOST_REPLY,
    /deep-equal/,
  ],
  "the draft is removed before success": [
    "delivery.js",
    "drafts.save(draft);\n  return post",
    "drafts.remove(draft);\n  return post",
    "the app is closed while sending",
    /#offer/,
  ],
  "the input is not stored": [
    `${SCORE}.js`,
    "drafts.save(this.draft);\n    const remark",
    "const remark",
    "a draft survives closing the app",
    /strictly equal/,
  ],
  "success by the status alone": [
    "delivery.js",
    "reply.status === 200 && reply.data === SUCCESS",
    "reply.status === 200",
    "200 with HTML or other JSON is not a success",
    /#failure/,
  ],
  "success by the text alone": [
    "delivery.js",
    "reply.status === 200 && reply.data === SUCCESS",
    "reply.data === SUCCESS",
    "the success text with status 404 is not a success",
    /#failure/,
  ],
  "no guard against a second tap": [
    `${SCORE}.js`,
    "submit(event) {\n    if (this.isBusy) return;",
    "submit(event) {",
    "two taps send one request",
    /数据提交成功|!== 1/,
  ],
  "the content is editable while it may be stored": [
    `${SCORE}.js`,
    "locked: this.draft.may_be_stored",
    "locked: false",
    LOST_REPLY,
    /locked while it may be stored/,
  ],
  "no request for consent": [
    `${SCORE}.js`,
    "if (!consentRequest) return this.send();",
    "if (!consentRequest || consentRequest) return this.send();",
    "the number is sent only after consent",
    /#consent/,
  ],
  "a toast with a title that is not a string": [
    `${SCORE}.js`,
    "title: toast",
    "title: [toast]",
    EMOJI,
    /the title is not a string/,
  ],
  "characters as UTF-16 counts them": ["characters.js", "Array.from(text).length", "text.length", EMOJI, /500\\?\/500/],
  "header names are case-sensitive": [
    "request.js",
    "name.toLowerCase()",
    "name",
    "a refusal marks the invalid field",
    /含有不能使用的字符/,
  ],
  "the receipt is not kept": [
    "delivery.js",
    "if (outcome.delivered) receipts.add",
    "if (!outcome.delivered) receipts.add",
    RATING,
    /\.rating/,
  ],
  "buttons with a small, fixed height": [
    "app.wxss",
    "  min-height: 48px;",
    "  height: 30px;",
    "the layout fits 320 px at font size 16 px",
    /small tap targets|clips text/,
  ],
};

function breakClient(folder, temporary, index, [file, text, replacement]) {
  const copy = path.join(temporary, `broken-${index}`);
  fs.cpSync(folder, copy, { recursive: true });
  const source = fs.readFileSync(path.join(copy, file), "utf8");
  if (!source.includes(text)) throw new Error(`${file} has no ${JSON.stringify(text)}: update MUTATIONS`);
  fs.writeFileSync(path.join(copy, file), source.replace(text, replacement));
  return copy;
}

// `runOn(client, scenario)` runs a scenario with one of `clients` and resolves to {error}.
async function checkMutations({ folder, temporary, clients, runOn, runInParallel, scenarios }) {
  let caught = 0;
  let missed = 0;
  const check = async (name, index) => {
    const mutation = MUTATIONS[name];
    const [, , , scenario, expected] = mutation;
    if (scenario !== AT_BUILD && !scenarios[scenario]) throw new Error(`no scenario is named ${scenario}`);
    const copy = breakClient(folder, temporary, index, mutation);
    let error = null;
    try {
      clients[`broken-${index}`] = buildClient(copy);
    } catch (refusal) {
      if (!(refusal instanceof BuildError)) throw refusal;
      error = refusal;
    }
    if (!error && scenario !== AT_BUILD) {
      ({ error } = await runOn(`broken-${index}`, scenarios[scenario]));
      // Another error may come from a busy machine, so the scenario runs a second time.
      if (error && !expected.test(error.message)) ({ error } = await runOn(`broken-${index}`, scenarios[scenario]));
    }
    const isCaught = Boolean(error) && expected.test(error.message);
    if (isCaught) caught += 1;
    else missed += 1;
    console.log(`${isCaught ? "caught" : "MISSED"}  ${name}`);
    if (!isCaught) console.log(error ? `failed with another error: ${error.stack}` : "the scenario passed");
  };
  await runInParallel(Object.keys(MUTATIONS).map((name, index) => () => check(name, index)));
  return { caught, missed };
}

module.exports = { checkMutations };
