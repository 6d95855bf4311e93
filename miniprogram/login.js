// WeChat login, if the server uses it: exchanges a code of wx.login for a signed session.
//
// Storage key "session": {token, expires_at}, in milliseconds.
const { request, retryText } = require("./request");
const storage = require("./storage");

const KEY = "session";
const MARGIN = 60 * 1000; // milliseconds; a session that ends sooner is not used

function stored() {
  const entry = storage.read(KEY);
  return entry && entry.expires_at > Date.now() + MARGIN ? entry.token : null;
}

function clear() {
  storage.remove(KEY);
}

function requestCode() {
  return new Promise((resolve, reject) => {
    wx.login({
      timeout: 10000,
      success: (result) => (result.code ? resolve(result.code) : reject({ text: "微信没有给出登录凭证" })),
      fail: () => reject({ text: "微信登录没有成功" }),
    });
  });
}

function errorText(reply) {
  if (reply.status === 429) return `微信登录太频繁，${retryText(reply.headers)}再试`;
  if (reply.status === 503) return `微信登录暂时不可用，${retryText(reply.headers)}再试`;
  return "微信登录没有成功";
}

// Resolves to a new session. Rejects with {text}, a message for the customer.
function renew() {
  clear();
  return requestCode()
    .then((code) =>
      request("POST", "/wechat/login", { data: { code } }).catch(() =>
        Promise.reject({ text: "网络不通，微信登录没有成功" }),
      ),
    )
    .then((reply) => {
      const answer = reply.data || {};
      if (reply.status !== 200 || typeof answer.session !== "string") {
        return Promise.reject({ text: errorText(reply) });
      }
      const lifetime = Number(answer.expires_in) * 1000 || 0;
      storage.write(KEY, { token: answer.session, expires_at: Date.now() + lifetime });
      return answer.session;
    });
}

function session() {
  const token = stored();
  return token ? Promise.resolve(token) : renew();
}

const authorization = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

module.exports = { stored, session, renew, clear, authorization };
