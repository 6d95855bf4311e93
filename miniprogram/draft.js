// The rating that the customer is filling in. It stays in the phone's storage until the server confirms
// it, so a closed app or a lost network does not lose it.
const storage = require("./storage");

const KEY = "draft";
const NO_GRADE = -1; // the server's grades begin at 0 or above

function empty(accNbr) {
  return {
    submission_id: null,
    acc_nbr: accNbr || "",
    grades: [NO_GRADE, NO_GRADE, NO_GRADE],
    remarks: ["", "", ""],
    // The draft was sent and no clear reply came back, so the server may have stored it.
    may_be_stored: false,
  };
}

// The draft of an earlier visit, or null. A draft with only an account number is not worth offering.
function load() {
  const draft = storage.read(KEY);
  const isDraft = draft && Array.isArray(draft.grades) && Array.isArray(draft.remarks);
  if (!isDraft) return null;
  const hasContent = draft.grades.some((grade) => grade !== NO_GRADE) || draft.remarks.some((text) => text);
  return hasContent ? Object.assign(empty(), draft) : null;
}

function save(draft) {
  storage.write(KEY, draft);
}

// Removes the draft, unless another draft has replaced it meanwhile.
function remove(draft) {
  const current = storage.read(KEY);
  if (current && current.submission_id === draft.submission_id) storage.remove(KEY);
}

function randomBytes() {
  const fallback = () => Array.from({ length: 16 }, () => Math.floor(Math.random() * 256));
  return new Promise((resolve) => {
    if (!wx.getRandomValues) return resolve(fallback());
    return wx.getRandomValues({
      length: 16,
      success: (result) => resolve(Array.from(new Uint8Array(result.randomValues))),
      fail: () => resolve(fallback()),
    });
  });
}

// A UUID of version 4.
function newId() {
  return randomBytes().then((bytes) => {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = bytes.map((byte) => (byte + 256).toString(16).slice(1)).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  });
}

// Gives the draft its id, once. The id is stored before anything is sent: a resend after the app was
// closed must carry the same id.
function assignId(draft) {
  if (draft.submission_id) return Promise.resolve(draft);
  return newId().then((id) => {
    draft.submission_id = id;
    save(draft);
    return draft;
  });
}

// Makes the draft another rating: the server may have stored the content under the old id.
function resetId(draft) {
  draft.submission_id = null;
  draft.may_be_stored = false;
  save(draft);
}

module.exports = { NO_GRADE, empty, load, save, remove, assignId, resetId };
