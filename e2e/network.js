// The network stack of a phone: stands in for what WeChat does for wx.request, with its errMsg texts.
const http = require("node:http");

const RELEASE = "https://rate.example.cn"; // the only request domain of the released mini program
const DEVELOP = "http://127.0.0.1:8000"; // DevTools does not check the domain of a development version
const USER_AGENT = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50 MiniProgramEnv/android";
const REFERER = "https://servicewechat.com/touristappid/0/page-frame.html";

const cronet = (number, name) => `request:fail errcode:${number} cronet_error_code:${number} error_msg:net::ERR_${name}`;
// The texts of each kind of phone.
const FAILURES = {
  android: {
    offline: cronet(-106, "INTERNET_DISCONNECTED"),
    refused: cronet(-102, "CONNECTION_REFUSED"),
    reset: cronet(-101, "CONNECTION_RESET"),
    timeout: "request:fail timeout",
  },
  ios: {
    offline: "request:fail 似乎已断开与互联网的连接。",
    refused: "request:fail 未能连接到服务器。",
    reset: "request:fail 网络连接已中断。",
    timeout: "request:fail 请求超时。",
  },
};

// `phone`: {proxy, platform, envVersion, timeScale, requestErrors, requestedBases}. Resolves to {status, headers, body} or to {error}.
function send(phone, { url, method, headers, body, timeout, networkType }) {
  const base = phone.envVersion === "develop" && url.startsWith(`${DEVELOP}/`) ? DEVELOP : RELEASE;
  if (!url.startsWith(`${base}/`)) return Promise.resolve({ error: "request:fail url not in domain list" });
  const path = url.slice(base.length);
  phone.requestedBases.add(base);
  const texts = FAILURES[phone.platform];
  if (networkType === "none") return Promise.resolve({ error: texts.offline });
  const position = phone.requestErrors.findIndex(([faultyPath]) => faultyPath === path);
  if (position >= 0) return Promise.resolve({ error: phone.requestErrors.splice(position, 1)[0][1] });
  return new Promise((resolve) => {
    const length = body === null ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request({
      port: phone.proxy.port,
      host: "127.0.0.1",
      path,
      method,
      agent: false,
      headers: { ...headers, ...length, referer: REFERER, "user-agent": USER_AGENT },
    });
    const timer = setTimeout(() => {
      resolve({ error: texts.timeout });
      request.destroy();
    }, timeout / phone.timeScale);
    const fail = (error) => resolve({ error: error.code === "ECONNREFUSED" ? texts.refused : texts.reset });
    request.on("error", fail);
    request.on("close", () => clearTimeout(timer));
    request.on("response", async (reply) => {
      try {
        const chunks = [];
        for await (const chunk of reply) chunks.push(chunk);
        const names = reply.rawHeaders.filter((_, i) => i % 2 === 0);
        const replyHeaders = Object.fromEntries(names.map((name, i) => [name, reply.rawHeaders[2 * i + 1]]));
        resolve({ status: reply.statusCode, headers: replyHeaders, body: Buffer.concat(chunks).toString("utf8") });
      } catch (error) {
        fail(error);
      }
    });
    request.end(body ?? undefined);
  });
}

module.exports = { send, RELEASE, DEVELOP };
