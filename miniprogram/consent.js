// WeChat requires the customer's consent before a personal number leaves the phone.
//
// Storage key "consent": true, only for versions of WeChat that keep no record themselves.
const storage = require("./storage");

const KEY = "consent";

function ownRequest() {
  return storage.read(KEY) ? null : { native: false, contract: "" };
}

// Resolves to the request for consent to show, or to null if the customer has consented:
// {native: whether WeChat's own button takes the consent, contract: the name of the privacy guideline}.
function pendingRequest() {
  return new Promise((resolve) => {
    if (!wx.getPrivacySetting) return resolve(ownRequest()); // before base library 2.32.3
    return wx.getPrivacySetting({
      success: (setting) =>
        resolve(setting.needAuthorization ? { native: true, contract: setting.privacyContractName || "" } : null),
      fail: () => resolve(ownRequest()),
    });
  });
}

function record() {
  storage.write(KEY, true);
}

function openContract() {
  if (wx.openPrivacyContract) wx.openPrivacyContract({});
}

module.exports = { pendingRequest, record, openContract };
