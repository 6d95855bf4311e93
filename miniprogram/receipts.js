// The signed receipts of the ratings sent from this phone. One shows the ratings of its account, and after
// WeChat login those of its owner; several are kept of each account, as one may outlive another.
const storage = require("./storage");

const KEY = "receipts";
const PER_ACCOUNT = 20;
const IN_ALL = 100;

function all() {
  const list = storage.read(KEY);
  return Array.isArray(list) ? list : [];
}

function add(accNbr, receipt) {
  if (!receipt) return;
  const others = all().filter((entry) => entry.receipt !== receipt);
  let ofThisAccount = 0;
  const kept = [{ acc_nbr: accNbr, receipt }].concat(others).filter((entry) => {
    if (entry.acc_nbr !== accNbr) return true;
    ofThisAccount += 1;
    return ofThisAccount <= PER_ACCOUNT;
  });
  storage.write(KEY, kept.slice(0, IN_ALL));
}

// Newest first.
function of(accNbr) {
  return all()
    .filter((entry) => entry.acc_nbr === accNbr)
    .map((entry) => entry.receipt);
}

// The account numbers that there is a receipt for, the latest rated first.
function accounts() {
  return all()
    .map((entry) => entry.acc_nbr)
    .filter((accNbr, index, list) => list.indexOf(accNbr) === index);
}

module.exports = { add, of, accounts };
