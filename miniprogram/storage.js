// The phone's storage, with a copy in memory. All modules read the copy, so the pages agree while the app
// lives even if the storage is full or broken.
const memory = {}; // key: JSON text, or null without a value
const unsaved = {}; // keys whose newest value is not on the phone

function readPhone(key) {
  try {
    const value = wx.getStorageSync(key);
    return value ? JSON.stringify(value) : null;
  } catch (error) {
    console.warn("storage cannot be read", key);
    return null;
  }
}

function read(key) {
  if (!(key in memory)) memory[key] = readPhone(key);
  return memory[key] === null ? null : JSON.parse(memory[key]);
}

// Brings the phone to the state of the memory. Returns whether that worked.
function sync(key) {
  try {
    if (memory[key] === null) wx.removeStorageSync(key);
    else wx.setStorageSync(key, JSON.parse(memory[key]));
  } catch (error) {
    console.warn("storage cannot be written", key);
    unsaved[key] = true;
    return false;
  }
  delete unsaved[key];
  return true;
}

// Tries the values again that did not fit before.
function retry() {
  Object.keys(unsaved).forEach(sync);
}

// Returns whether the phone has the value. The copy in memory has it in any case.
function write(key, value) {
  memory[key] = JSON.stringify(value);
  const isHeld = sync(key);
  if (isHeld) retry();
  return isHeld;
}

function remove(key) {
  memory[key] = null;
  const isHeld = sync(key);
  if (isHeld) retry();
  return isHeld;
}

// Whether the newest value of the key is on the phone.
const isHeld = (key) => !unsaved[key];

module.exports = { read, write, remove, isHeld };
