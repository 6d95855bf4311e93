// The one rating that is being filled in. It stays in storage until the server's own success has
// come, so neither a closed app nor a lost network loses it.
const storage = require("./storage");

const KEY = "draft";
const NONE = -1; // a grade that is not given yet; the server's grades begin at 0 or above

function empty(accNbr) {
  return {
    submission_id: null,
    acc_nbr: accNbr || "",
    grades: [NONE, NONE, NONE],
    remarks: ["", "", ""],
    // Whether the server may have stored it already: it was sent, and no clear answer came back.
    may_be_stored: false,
  };
}

// The draft of an earlier visit, or null. An account number alone is not worth offering.
function stored() {
  const draft = storage.read(KEY);
  const isDraft = draft && Array.isArray(draft.grades) && Array.isArray(draft.remarks);
  if (!isDraft) return null;
  const isFilled = draft.grades.some((grade) => grade !== NONE) || draft.remarks.some((text) => text);
  return isFilled ? Object.assign(empty(), draft) : null;
}

function save(draft) {
  storage.write(KEY, draft);
}

// Removes the draft, unless another one has taken its place meanwhile.
function remove(draft) {
  const current = storage.read(KEY);
  if (current && current.submission_id === draft.submission_id) storage.remove(KEY);
}

function randomBytes() {
  const weak = () => Array.from({ length: 16 }, () => Math.floor(Math.random() * 256));
  return new Promise((resolve) => {
    if (!wx.getRandomValues) return resolve(weak());
    return wx.getRandomValues({
      length: 16,
      success: (result) => resolve(Array.from(new Uint8Array(result.randomValues))),
      fail: () => resolve(weak()),
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
// closed must carry the same one.
function identify(draft) {
  if (draft.submission_id) return Promise.resolve(draft);
  return newId().then((id) => {
    draft.submission_id = id;
    save(draft);
    return draft;
  });
}

// The same content as another submission: the customer wants to change what may be stored already.
function asNew(draft) {
  draft.submission_id = null;
  draft.may_be_stored = false;
  save(draft);
}

module.exports = { NONE, empty, stored, save, remove, identify, asNew };
