// The settings of an installation.

// The server's addresses, without a slash at the end. WeChat's console must list those of the trial and
// the released version as request domains (see README.md).
const ADDRESSES = {
  release: "https://rate.example.cn", // 正式版
  trial: "https://rate.example.cn", // 体验版
  // 开发版 and the simulator: `make run` on this computer. A phone cannot reach it; for a preview on a phone,
  // put the trial server's address here.
  develop: "http://127.0.0.1:8000",
};

function version() {
  try {
    return wx.getAccountInfoSync().miniProgram.envVersion;
  } catch (error) {
    return "release"; // before base library 2.10.0
  }
}

module.exports = {
  baseUrl: ADDRESSES[version()] || ADDRESSES.release,
  // The timeout of a request, in milliseconds.
  timeout: 15000,
  // After a low grade the customer is offered WeChat's customer service (客服), which the console must have.
  contact: true,
};
