// The phone's storage: wx.setStorage and its relatives, with a quota. The values survive the app.
const PREFIX = "wx:";
const QUOTA_KEY = "phone:quota";
const BROKEN_KEY = "phone:broken-storage";
const DEFAULT_QUOTA = 10 * 1024 * 1024;

const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
const sizeOf = (key, text) => key.length + text.length;
const used = () => keys().reduce((sum, key) => sum + sizeOf(key, localStorage.getItem(key)), 0);
const quota = () => Number(localStorage.getItem(QUOTA_KEY) ?? DEFAULT_QUOTA);

function failIfBroken(name) {
  if (localStorage.getItem(BROKEN_KEY)) throw new Error(`${name}:fail read storage failed`);
}

function get(name, key) {
  failIfBroken(name);
  return JSON.parse(localStorage.getItem(PREFIX + key) ?? '""');
}

function set(name, key, value) {
  failIfBroken(name);
  const text = JSON.stringify(value);
  const before = localStorage.getItem(PREFIX + key);
  const growth = sizeOf(PREFIX + key, text) - (before === null ? 0 : sizeOf(PREFIX + key, before));
  if (growth > 0 && used() + growth > quota()) throw new Error(`${name}:fail exceed storage max size 10Mb`);
  localStorage.setItem(PREFIX + key, text);
}

function remove(name, key) {
  failIfBroken(name);
  localStorage.removeItem(PREFIX + key);
}

const asynchronous = (name, work) => (options) => {
  setTimeout(() => {
    let result;
    try {
      result = { ...work(options), errMsg: `${name}:ok` };
    } catch (error) {
      options.fail?.({ errMsg: error.message });
      options.complete?.({ errMsg: error.message });
      return;
    }
    options.success?.(result);
    options.complete?.(result);
  });
};

export const wxStorage = {
  getStorageSync: (key) => get("getStorageSync", key),
  setStorageSync: (key, value) => set("setStorageSync", key, value),
  removeStorageSync: (key) => remove("removeStorageSync", key),
  getStorage: asynchronous("getStorage", ({ key }) => ({ data: get("getStorage", key) })),
  setStorage: asynchronous("setStorage", ({ key, data }) => set("setStorage", key, data)),
  removeStorage: asynchronous("removeStorage", ({ key }) => remove("removeStorage", key)),
};

// For the tests: no write that needs more space than now succeeds.
export const fillStorage = () => localStorage.setItem(QUOTA_KEY, String(used()));
export const freeStorage = () => localStorage.removeItem(QUOTA_KEY);
export const breakStorage = () => localStorage.setItem(BROKEN_KEY, "yes");
