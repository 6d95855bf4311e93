// Broken clients, by the scenario that must fail. Each: the fault, the file, a text of it, its replacement, what the
// error must say, and further changes [file, text, replacement].
const SCORE = "pages/score/score";
const THANKS = "pages/thanks/thanks";
const AT_BUILD = "(the build)"; // the build must fail

const MUTATIONS = {
  [AT_BUILD]: [
    ["a missing end tag", `${SCORE}.wxml`, "</form>", "", /wcc refuses/],
    ["a missing brace in a style", `${SCORE}.wxss`, ".stars {", ".stars", /wcsc refuses/],
    ["a script newer than ES2015", `${SCORE}.js`, "event.detail.value", "event?.detail.value", /more than ES2015/],
    ["a dark colour is missing", "theme.json", '"navigationBackground": "#1b211e",', "", /has no @navigationBackground/],
  ],

  // The surroundings of WeChat
  "a rating is sent and shown": [
    ["the submit handler is renamed", `${SCORE}.wxml`, 'bindsubmit="submit"', 'bindsubmit="send"', /请填写业务号码/],
    ["the stars' handler is renamed", `${SCORE}.wxml`, 'bindtap="rate"', 'bindtap="rates"', /field-grade3 .word/],
    ["a wrong page", `${SCORE}.js`, "../thanks/thanks", "../thank/thanks", /#thanks does not appear/],
    ["a wrong module", `${SCORE}.js`, '"../../outbox"', '"../outbox"', /module not found: pages\/outbox/],
    ["fetch", `${SCORE}.js`, "onLoad(options) {", 'onLoad(options) { fetch("/score/form");', /fetch is not defined/],
    ["document", `${SCORE}.js`, "onLoad(options) {", 'onLoad(options) { document.title = "";', /document is not defined/],
    ["the receipt is not kept", "delivery.js", 'receipts.add(entry.acc_nbr, headers["x-grade-receipt"])', "true", /\.rating/],
    ["the number in full on the thank-you page", `${THANKS}.js`, "mask(delivered.acc_nbr)", "delivered.acc_nbr", /#thanks/],
  ],
  "500 emoji count as 500 characters": [
    ["a wrong address", "delivery.js", '"/score"', '"/scores"', /no toast/],
    ["http in place of https", "config.js", 'release: "https://', 'release: "http://', /no toast/],
    ["a toast with a title that is not a string", `${THANKS}.js`, "title: this.toast", "title: [this.toast]", /not a string/],
    ["characters as UTF-16 counts them", "characters.js", "Array.from(text).length", "text.length", /500\\?\/500/],
  ],
  "a refusal marks the invalid field": [
    ["header names are case-sensitive", "request.js", "name.toLowerCase()", "name", /含有不能使用的字符/],
  ],
  "the number is sent only after consent": [
    ["no request for consent", `${SCORE}.js`, "if (!consentRequest) return this.send();", "if (this) return this.send();", /#consent/],
  ],

  // Delivery
  "the reply is lost after the server stored the rating": [
    ["a new id for each attempt", "delivery.js", "submission_id: entry.id,", 'submission_id: require("./ids").random(),', /deep-equal/],
    ["editable while it may be stored", "outbox.js", 'entry.state === "unconfirmed";', "false;", /locked while it may be stored/],
  ],
  "the app is closed while sending": [
    ["not stored before it is sent", "delivery.js", "outbox.save(Object.assign(entry, { state", "((entry2) => entry2)(Object.assign(entry, { state", /#outbox/],
  ],
  "200 with HTML or other JSON is not a success": [
    ["success by the status alone", "delivery.js", "reply.status === 200 && reply.data === SUCCESS", "reply.status === 200", /#failure/],
  ],
  "the success text with status 404 is not a success": [
    ["success by the text alone", "delivery.js", "reply.status === 200 && reply.data === SUCCESS", "reply.data === SUCCESS", /#failure/],
  ],
  "429: a wait of hours is told in hours": [
    ["a wait of hours in minutes", "request.js", "seconds < 7200", "seconds < 99999", /#failure/],
  ],
  "two taps send one request": [
    ["no guard against a second tap", `${SCORE}.js`, "if (this.isBusy || this.isLeaving) return;\n    if (this.isEditable", "if (this.isEditable", /!== 1|deep-equal|no toast|isDisabled/, [["delivery.js", "if (inFlight[id]) return inFlight[id];", ""]]],
  ],

  // No letter lost
  "36 letters typed while the form loads stay": [
    ["the form that loads sets the texts", `${SCORE}.js`, "const update = { form, options,", 'const update = { "made.remarks": this.entry.remarks.slice(), form, options,', /strictly equal/],
    ["each letter is sent back to the screen", `${SCORE}.js`, "this.clearError(field);\n  },\n\n  useText", 'this.clearError(field);\n    this.setData({ "made.remarks": this.entry.remarks.slice() });\n  },\n\n  useText', /strictly equal/],
  ],
  "the keyboard does not cover the field": [
    ["no space above the keyboard", `${SCORE}.wxml`, 'cursor-spacing="120"', 'cursor-spacing="0"', /px above the keyboard/],
  ],
  "the number keyboard, and letters on request": [
    ["the text keyboard empties the field", `${SCORE}.js`, '"made.acc_nbr": this.entry.acc_nbr });', '"made.acc_nbr": "" });', /strictly equal/],
  ],
  "a blank is typed between the digits of a number": [
    ["blanks are part of the number", `${SCORE}.js`, "entry.acc_nbr = removeBlanks(text)", "entry.acc_nbr = text", /deep-equal|no toast/],
  ],
  "a label focuses its field, and 完成 closes the keyboard": [
    ["the label names another field", `${SCORE}.wxml`, 'for="acc-nbr"', 'for="acc"', /wx-keyboard/],
  ],

  // Truth about the storage
  "the storage is full, the app killed, the rating filled in again: one row": [
    ["a random id although nothing is kept", "outbox.js", "entry.id = ids.fromText(", "entry.id = ids.random(", /one row/],
    ["the page always says that the content is kept", "pages/score/texts.js", "outbox.isSaved() ?", "true ?", /claims that the content is on the phone|not match/],
  ],
  "the storage fills up while a draft is written, and the draft is not claimed": [
    ["a failed write is not told", "storage.js", "unsaved[key] = true;\n    return false;", "return true;", /#storage-warning/],
  ],
  "a storage that cannot be read does not stop a rating": [
    ["a broken storage throws", "storage.js", "const value = wx.getStorageSync(key);\n    return value ? JSON.stringify(value) : null;\n  } catch (error) {", "const value = wx.getStorageSync(key);\n    return value ? JSON.stringify(value) : null;\n  } catch (error) {\n    throw error;", /does not start|read storage failed|no button|#field-/],
  ],
  "a draft of the earlier client is taken over": [
    ["the old draft is forgotten", "outbox.js", 'const OLD_KEY = "draft";', 'const OLD_KEY = "drafts";', /delivered/],
  ],

  // The outbox
  "an unconfirmed rating does not block another account": [
    ["any entry is offered", `${SCORE}.js`, "(entry) => entry.acc_nbr === this.accNbr || !entry.acc_nbr", "() => true", /#outbox|acc_nbr/],
  ],
  "a late failure touches only its own entry": [
    ["a failure is stored in the newest entry", "delivery.js", "outbox.update(entry.id, { state", "outbox.update(outbox.all().pop().id, { state", /not shown on the second|deep-equal/],
  ],
  "a waiting rating is sent when the app is opened again": [
    ["no resend when the app is shown", "app.js", "setInBackground(false);\n    resendSoon();", "setInBackground(false);", /#delivered-note/],
  ],
  "a waiting rating is sent when the network returns": [
    ["no resend when the network returns", "app.js", "if (status.isConnected) resendSoon();", "", /no toast/],
    ["offline is perhaps sent", "request.js", '["offline", /INTERNET_DISCONNECTED|', '["offline", /', /#failure/],
  ],
  "an entry is never sent twice at the same time": [
    ["two at the same time", "delivery.js", "if (inFlight[id]) return inFlight[id];", "", /not a second time/, [["delivery.js", "if (resending || ", "if ("]]],
  ],
  "an edited rating is not sent by itself": [
    ["an edited entry stays waiting", `${SCORE}.js`, 'Object.assign(entry, { state: "draft", note: "" });', "", /draft/],
  ],
  "nothing is sent again without consent": [
    ["resent without consent", "delivery.js", "(consentRequest ? null : next())", "next()", /deep-equal/],
  ],
  "an expired rating is told and not sent": [
    ["no expiry", "outbox.js", "const RESEND_DAYS = 7;", "const RESEND_DAYS = 70;", /7 天内|#outbox/],
    ["an expired rating is renewed under its old id", `${SCORE}.js`, "const renewed = outbox.copy(entry);\n    outbox.remove(entry.id);\n    outbox.save", 'const renewed = Object.assign(outbox.copy(entry), { id: entry.id });\n    outbox.remove(entry.id);\n    outbox.save', /as a new rating|no toast/],
  ],
  "another account is rated while an entry waits, and both arrive": [
    ["the list does not follow the outbox", `${SCORE}.js`, "    this.showEntries();\n    this.showStorage();\n  },\n\n  noteDelivery", "  },\n\n  noteDelivery", /outbox/],
  ],
  "certainly not sent: editable, and sent later": [
    ["a refused domain is perhaps sent", "request.js", '["domain", /domain list|合法域名/i],', "", /#failure/],
  ],
  "perhaps sent: locked under its id": [
    ["a reset connection is certainly not sent", "request.js", "CONNECTION_(REFUSED|", "CONNECTION_(REFUSED|RESET|", /#failure/],
    ["an earlier attempt is forgotten", "delivery.js", 'if (outcome.state === "waiting" && wasUnconfirmed) outcome.state = "unconfirmed";', "", /an earlier attempt may have arrived/],
  ],

  // Codes
  "a scene code fills in the number and locks it": [
    ["the scene is not decoded nor read", "codes.js", "options.scene ? decode(options.scene)", "options.scene ? \"\"", /code-pending/],
    ["no reason for the lock", `${SCORE}.wxml`, "号码来自二维码", "号码", /locked-note/],
  ],
  "a link code (q) leads to the same form": [
    ["q is not decoded", "codes.js", "exec(decode(options.q))", "exec(options.q)", /locked-note/],
  ],
  "malformed codes are told and ask the server nothing": [
    ["any token is asked for", "codes.js", "{1,32}$/", "{1,99}$/", /code-invalid|deep-equal/],
  ],
  "a number by hand is not overwritten by a late answer about the code": [
    ["a late answer wins", `${SCORE}.js`, "if (this.isUnloaded || this.token !== token) return;", "if (this.isUnloaded) return;", /inputValue|strictly equal|field-acc_nbr/],
  ],
  "a second code while the first form is open": [
    ["the draft is offered to any code", `${SCORE}.js`, "(entry) => entry.acc_nbr === this.accNbr || !entry.acc_nbr", "() => true", /locked-number/],
  ],

  // The pages
  "a finger over the stars rates, and up and down it scrolls": [
    ["no drag", `${SCORE}.wxml`, 'bindtouchmove="moveDrag"', "", /field-grade2 .word/],
    ["a scroll rates", `${SCORE}.js`, "!drag.isSideways && along > across", "false", /a scroll rates nothing/],
  ],
  "a range from 0 to 10: 0 is a choice, and no star is full": [
    ["0 is not offered", "scale.js", "let value = range.grade_min;", "let value = 1;", /data-value="0"/],
    ["0 counts as not chosen", `${SCORE}.js`, "const isSet = value !== outbox.NO_GRADE;", "const isSet = value > 0;", /field-grade1 .word/],
  ],
  "one remark is open, the others are folded and keep their text": [
    ["a folded remark loses its field", `${SCORE}.wxml`, 'wx:if="{{wasOpened[remarkIndex]}}"', 'wx:if="{{openRemark === remarkIndex}}"', /strictly equal/],
  ],
  "after a low grade: a button to customer service": [
    ["no customer service", "scale.js", "< LOW_SHARE", "< 0", /\.contact/],
  ],
  "after a good rating: thanks, without customer service; 完成 ends": [
    ["customer service for everybody", "scale.js", "< LOW_SHARE", "< 2", /1 !== 0/],
  ],
  "a pressed button and a pressed star look pressed": [
    ["no pressed state", "app.wxss", ".pressed", ".presed", /pressed state/],
  ],

  // The app
  "a page that no longer exists leads to the form, with its number": [
    ["no onPageNotFound", "app.js", "onPageNotFound: toScorePage,", "", /field-acc_nbr/],
  ],
  "each version of the mini program has its server": [
    ["one address for all versions", "config.js", "ADDRESSES[version()] || ADDRESSES.release", "ADDRESSES.release", /develop/],
  ],
  "a new version does not restart what is not on the phone": [
    ["a restart at any time", "app.js", "if (answer.confirm && outbox.isSaved())", "if (answer.confirm)", /would lose the content/],
  ],
  "errors are logged without personal data": [
    ["the log has everything", "log.js", "const text = scrub(detail);", "const text = String(detail);", /not match the regular/],
  ],
  "an old WeChat without the newer functions": [
    ["a function that old versions lack", "config.js", "try {\n    return wx.getAccountInfoSync().miniProgram.envVersion;\n  } catch (error) {", "try {\n    return wx.getAccountInfoSync().miniProgram.envVersion;\n  } catch (error) {\n    throw error;", /getAccountInfoSync/],
  ],
  "the pages look right: 820": [
    ["not centred on a tablet", "app.wxss", "margin: 0 auto;", "margin: 0;", /off centre/],
  ],
  "the pages look right: 320": [
    ["buttons with a small, fixed height", "app.wxss", "  min-height: 48px;", "  height: 30px;", /small tap target|clips text/],
    ["faint borders", "app.wxss", "--field-line: #7a8781", "--field-line: #c0c8c4", /faint border/],
    ["a faint text", "app.wxss", "--muted: ", "--muted: #ccc; --faint: ", /color-contrast/],
  ],
};

module.exports = { MUTATIONS, AT_BUILD };
