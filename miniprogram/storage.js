// The phone's storage. If it is full or broken, the draft lives in memory only and can still be sent.
function read(key) {
  try {
    return wx.getStorageSync(key) || null;
  } catch (error) {
    console.warn("storage cannot be read", key);
    return null;
  }
}

function write(key, value) {
  try {
    wx.setStorageSync(key, value);
  } catch (error) {
    console.warn("storage cannot be written", key);
  }
}

function remove(key) {
  try {
    wx.removeStorageSync(key);
  } catch (error) {
    console.warn("storage cannot be cleared", key);
  }
}

module.exports = { read, write, remove };
