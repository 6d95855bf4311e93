// The consent that WeChat asks for before a personal number leaves the phone.
const storage = require("./storage");

const KEY = "consent"; // for versions of WeChat that keep no record themselves

function own() {
  return storage.read(KEY) ? null : { native: false, contract: "" };
}

// Resolves to null if nothing is left to ask, else to {native, contract}: whether WeChat's own button
// takes the consent, and the name of the guideline to read first.
function needed() {
  return new Promise((resolve) => {
    if (!wx.getPrivacySetting) return resolve(own()); // before base library 2.32.3
    return wx.getPrivacySetting({
      success: (setting) =>
        resolve(setting.needAuthorization ? { native: true, contract: setting.privacyContractName || "" } : null),
      fail: () => resolve(own()),
    });
  });
}

function given() {
  storage.write(KEY, true);
}

function openContract() {
  if (wx.openPrivacyContract) wx.openPrivacyContract({});
}

module.exports = { needed, given, openContract };
