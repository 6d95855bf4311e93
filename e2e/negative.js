// The check of the check: a client broken in one place must fail, for the reason expected.
const fs = require("node:fs");
const path = require("node:path");
const { buildClient, BuildError } = require("./build");

const SCORE = "pages/score/score";
const RESULT = "pages/graderesult/graderesult";
const FIRST = "a rating is given, and shown";
const EMOJI = "500 emoji are 500 characters";
const LOST = "the reply is lost after the server stored the rating";
const AT_BUILD = null;

// What is broken: file, text, the text in its place, the scenario that must fail, what it must say.
const MUTATIONS = {
  "the submit handler renamed": [
    `${SCORE}.wxml`,
    'bindsubmit="submit"',
    'bindsubmit="send"',
    FIRST,
    /请填写业务号码|at fault/,
  ],
  "the stars' handler renamed": [`${SCORE}.wxml`, 'bindtap="rate"', 'bindtap="rates"', FIRST, /0 !== 3/],
  "a wrong address": ["delivery.js", '"/score"', '"/scores"', EMOJI, /#wx-toast/],
  "a wrong page": [`${SCORE}.js`, "`../graderesult/graderesult$", "`../graderesult/gradresult$", FIRST, /\.rating/],
  "a wrong module": [`${SCORE}.js`, '"../../draft"', '"../draft"', FIRST, /module not found: pages\/draft/],
  "http in place of https": ["config.js", "https://", "http://", EMOJI, /#wx-toast/],
  fetch: [`${SCORE}.js`, "onLoad(options) {", 'onLoad(options) { fetch("/score/form");', FIRST, /fetch is not defined/],
  document: [
    `${RESULT}.js`,
    "onLoad(options) {",
    'onLoad(options) { document.title = "";',
    FIRST,
    /document is not defined/,
  ],
  localStorage: [
    "storage.js",
    "wx.getStorageSync(key)",
    "localStorage.getItem(key)",
    "the app is closed with a draft, and opened again",
    /#offer/,
  ],
  "a missing end tag": [`${SCORE}.wxml`, "</form>", "", AT_BUILD, /wcc refuses/],
  "a missing brace in a style": [`${SCORE}.wxss`, ".stars {", ".stars", AT_BUILD, /wcsc refuses/],
  "a script of today": [`${SCORE}.js`, "event.detail.value", "event?.detail.value", AT_BUILD, /more than ES2015/],
  "a new id for every send": [
    "draft.js",
    "if (draft.submission_id) return Promise.resolve(draft);",
    "",
    LOST,
    /deep-equal/,
  ],
  "the draft removed before success": [
    "delivery.js",
    "drafts.save(draft);\n  return post",
    "drafts.remove(draft);\n  return post",
    "the app is closed while it sends",
    /#offer/,
  ],
  "what is typed is not stored": [
    `${SCORE}.js`,
    "drafts.save(this.draft);\n    const remark",
    "const remark",
    "the app is closed with a draft, and opened again",
    /strictly equal/,
  ],
  "success by the status alone": [
    "delivery.js",
    "reply.status === 200 && reply.data === SUCCESS",
    "reply.status === 200",
    "HTML or other JSON with 200 is no success",
    /#failure/,
  ],
  "success by the words alone": [
    "delivery.js",
    "reply.status === 200 && reply.data === SUCCESS",
    "reply.data === SUCCESS",
    "success in words, but not in status, is no success",
    /#failure/,
  ],
  "no guard against a second tap": [
    `${SCORE}.js`,
    "submit(event) {\n    if (this.isBusy) return;",
    "submit(event) {",
    "two taps are one request",
    /数据提交成功|!== 1/,
  ],
  "content open while it may be stored": [
    `${SCORE}.js`,
    "locked: this.draft.may_be_stored",
    "locked: false",
    LOST,
    /locked while it may be stored/,
  ],
  "no consent": [
    `${SCORE}.js`,
    "if (!question) return this.send();",
    "if (!question || question) return this.send();",
    "consent comes before the number",
    /#consent/,
  ],
  "a toast that is no string": [`${SCORE}.js`, "title: toast", "title: [toast]", EMOJI, /the title is no string/],
  "characters as UTF-16 counts them": ["characters.js", "Array.from(text).length", "text.length", EMOJI, /500\\?\/500/],
  "headers in their own case only": [
    "request.js",
    "name.toLowerCase()",
    "name",
    "a refusal points to the field",
    /含有不能使用的字符/,
  ],
  "the receipt is not kept": [
    "delivery.js",
    "if (outcome.delivered) receipts.add",
    "if (!outcome.delivered) receipts.add",
    FIRST,
    /\.rating/,
  ],
  "buttons of a fixed, small height": [
    "app.wxss",
    "  min-height: 48px;",
    "  height: 30px;",
    "at 320 px, with letters of 16 px",
    /smaller than a finger|cuts text/,
  ],
};

function broken(folder, temporary, index, [file, text, replacement]) {
  const copy = path.join(temporary, `broken-${index}`);
  fs.cpSync(folder, copy, { recursive: true });
  const source = fs.readFileSync(path.join(copy, file), "utf8");
  if (!source.includes(text)) throw new Error(`${file} has no ${JSON.stringify(text)}: bring this check up to date`);
  fs.writeFileSync(path.join(copy, file), source.replace(text, replacement));
  return copy;
}

// `begin(client, scenario)` runs one scenario with one of `clients`, and resolves to {error}.
async function checkMutations({ folder, temporary, clients, begin, inParallel, all }) {
  let caught = 0;
  let missed = 0;
  const check = async (name, index) => {
    const mutation = MUTATIONS[name];
    const [, , , scenario, expected] = mutation;
    const copy = broken(folder, temporary, index, mutation);
    let error = null;
    try {
      clients[`broken-${index}`] = buildClient(copy);
    } catch (refusal) {
      if (!(refusal instanceof BuildError)) throw refusal;
      error = refusal;
    }
    if (!error && scenario !== AT_BUILD) {
      ({ error } = await begin(`broken-${index}`, all[scenario]));
      // What fails with something else may have been hurried on a busy machine: it gets a second try.
      if (error && !expected.test(error.message)) ({ error } = await begin(`broken-${index}`, all[scenario]));
    }
    const isCaught = Boolean(error) && expected.test(error.message);
    if (isCaught) caught += 1;
    else missed += 1;
    console.log(`${isCaught ? "caught" : "MISSED"}  ${name}`);
    if (!isCaught) console.log(error ? `failed with something else: ${error.stack}` : "it passed");
  };
  await inParallel(Object.keys(MUTATIONS).map((name, index) => () => check(name, index)));
  return { caught, missed };
}

module.exports = { checkMutations };
