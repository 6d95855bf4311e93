// The signed receipts of the ratings sent from this phone. A receipt shows its own rating and no other, so one is
// kept for each rating. The server accepts up to 50 together.
//
// Storage key "receipts": [{acc_nbr, receipt}], newest first.
const storage = require("./storage");

const KEY = "receipts";
const MAX_PER_ACCOUNT = 20; // 20 receipts make a header of 3 KB
const MAX_TOTAL = 100;

function load() {
  const list = storage.read(KEY);
  return Array.isArray(list) ? list : [];
}

// Returns false if the receipt is not on the phone, because its storage is full.
function add(accNbr, receipt) {
  if (!receipt) return true;
  const others = load().filter((entry) => entry.receipt !== receipt);
  let count = 0;
  const kept = [{ acc_nbr: accNbr, receipt }].concat(others).filter((entry) => {
    if (entry.acc_nbr !== accNbr) return true;
    count += 1;
    return count <= MAX_PER_ACCOUNT;
  });
  return storage.write(KEY, kept.slice(0, MAX_TOTAL));
}

// The receipts of an account, newest first.
function forAccount(accNbr) {
  return load()
    .filter((entry) => entry.acc_nbr === accNbr)
    .map((entry) => entry.receipt);
}

// The account numbers with a receipt, the latest rated first.
function accounts() {
  return load()
    .map((entry) => entry.acc_nbr)
    .filter((accNbr, index, list) => list.indexOf(accNbr) === index);
}

module.exports = { add, forAccount, accounts };
