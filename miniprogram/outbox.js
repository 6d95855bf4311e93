// The ratings that the server has not confirmed. Each stays on the phone until the server confirms it or the
// customer deletes it. The entries are independent: sending one changes no other.
//
// Storage key "outbox": a list of entries, oldest first. An entry:
//   id         its submission_id
//   acc_nbr, grades[3], remarks[3]   the content; NO_GRADE for a grade that is not chosen yet
//   by_code    the number came from a code and cannot be edited
//   state      draft        being filled in; nothing was sent
//              waiting      submitted, and certainly not sent; sent by itself when the network is back
//              unconfirmed  submitted, and perhaps stored by the server; its content is locked
//              refused      the server refused it; nothing was stored
//              expired      not confirmed within RESEND_DAYS; not sent any more
//   note       why it is refused, for the customer
//   created, updated, submitted      milliseconds; submitted is null before the first sending
//   spare      a filling in drafts: without it an entry that is sent has the same length, so that "perhaps sent" can be
//              stored even if the storage is full by then
const ids = require("./ids");
const storage = require("./storage");

const KEY = "outbox";
const OLD_KEY = "draft"; // the only draft of earlier versions
const NO_GRADE = -1; // the server's grades begin at 0 or above
// The server knows an id as long as it keeps the rating. A rating that was erased there must not come back
// from a phone weeks later.
const RESEND_DAYS = 7;
const SPARE = "-".repeat(16);
const DAY = 24 * 60 * 60 * 1000;

const listeners = [];
let durable = null; // the ids that are on the phone

const blank = () => ({
  id: "",
  acc_nbr: "",
  grades: [NO_GRADE, NO_GRADE, NO_GRADE],
  remarks: ["", "", ""],
  by_code: false,
  state: "draft",
  note: "",
  created: Date.now(),
  updated: Date.now(),
  submitted: null,
  spare: "",
});

const create = (accNbr) => Object.assign(blank(), { id: ids.random(), acc_nbr: accNbr || "" });

// An entry with only an account number is not worth keeping.
const hasContent = (entry) =>
  entry.grades.some((grade) => grade !== NO_GRADE) || entry.remarks.some((text) => Boolean(text));
const isLocked = (entry) => entry.state === "unconfirmed";
const isResendable = (entry) => entry.state === "waiting" || entry.state === "unconfirmed";
const isEntry = (entry) => Boolean(entry) && Array.isArray(entry.grades) && Array.isArray(entry.remarks);

function adoptOldDraft(list) {
  const old = storage.read(OLD_KEY);
  if (!isEntry(old)) return list;
  const entry = Object.assign(create(old.acc_nbr), { grades: old.grades, remarks: old.remarks });
  if (old.submission_id) entry.id = old.submission_id;
  if (old.may_be_stored) Object.assign(entry, { state: "unconfirmed", submitted: entry.created });
  const adopted = hasContent(entry) ? list.concat(entry) : list;
  if (storage.write(KEY, adopted)) storage.remove(OLD_KEY);
  return adopted;
}

function load() {
  const stored = storage.read(KEY);
  let list = (Array.isArray(stored) ? stored : [])
    .filter((entry) => isEntry(entry) && entry.id)
    .map((entry) => Object.assign(blank(), entry));
  if (!durable) {
    durable = list.map((entry) => entry.id);
    list = adoptOldDraft(list);
  }
  return list;
}

function store(list) {
  const isHeld = list.length ? storage.write(KEY, list) : storage.remove(KEY);
  if (isHeld) durable = list.map((entry) => entry.id);
  listeners.slice().forEach((listener) => listener());
  return isHeld;
}

const expiresAt = (entry) => (entry.submitted === null ? Infinity : entry.submitted + RESEND_DAYS * DAY);

// All entries, oldest first.
function all() {
  const now = Date.now();
  return load().map((entry) =>
    isResendable(entry) && now > expiresAt(entry) ? Object.assign(entry, { state: "expired" }) : entry,
  );
}

const get = (id) => all().find((entry) => entry.id === id) || null;

// Stores the entry. Returns whether it is on the phone; it is in memory in any case.
function save(entry) {
  entry.updated = Date.now();
  entry.spare = entry.state === "draft" ? SPARE : "";
  const list = load();
  const position = list.findIndex((other) => other.id === entry.id);
  if (position >= 0) list[position] = entry;
  else list.push(entry);
  return store(list);
}

// Changes a stored entry. An entry that was deleted meanwhile stays deleted.
function update(id, changes) {
  const entry = get(id);
  if (entry) save(Object.assign(entry, changes));
}

function remove(id) {
  const list = load();
  const others = list.filter((entry) => entry.id !== id);
  if (others.length < list.length) store(others);
}

const isSaved = () => storage.isHeld(KEY);

// Tries to store what did not fit before.
function retry() {
  if (!isSaved()) store(load());
}

const pad = (number) => (number < 10 ? `0${number}` : String(number));

function today() {
  const now = new Date();
  return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}

// Stores an entry that is about to be sent, and changes its id if the phone cannot keep it.
//
// If neither this write nor an earlier one held, the phone forgets a random id when the app ends, and the same
// rating filled in again would be stored twice. So the id is derived from the content and the day.
function secureId(entry) {
  if (save(entry) || isLocked(entry) || entry.own_id || durable.indexOf(entry.id) >= 0) return;
  const others = load().filter((other) => other.id !== entry.id);
  entry.id = ids.fromText(JSON.stringify([today(), entry.acc_nbr, entry.grades, entry.remarks]));
  store(others.filter((other) => other.id !== entry.id).concat(entry));
}

// A new entry with the same content: another rating with another id.
function copy(entry) {
  return Object.assign(create(entry.acc_nbr), {
    grades: entry.grades.slice(),
    remarks: entry.remarks.slice(),
    by_code: entry.by_code,
    own_id: true, // not derived from the content: that id may be the one in conflict
  });
}

// Calls the listener after each change of an entry. Returns a function that ends it.
function onChange(listener) {
  listeners.push(listener);
  return () => listeners.splice(listeners.indexOf(listener), 1);
}

module.exports = {
  NO_GRADE,
  RESEND_DAYS,
  all,
  copy,
  create,
  expiresAt,
  get,
  hasContent,
  isLocked,
  isResendable,
  isSaved,
  onChange,
  remove,
  retry,
  save,
  secureId,
  update,
};
