// Requests to our server.
const config = require("./config");

// HTTP/2 servers send header names in lower case, some proxies in upper case.
function lowerCaseNames(headers) {
  const result = {};
  Object.keys(headers || {}).forEach((name) => {
    result[name.toLowerCase()] = String(headers[name]);
  });
  return result;
}

// Failures before the first byte of a request, by the texts of Android (cronet's net::ERR_…), iOS (NSURLError, in
// the phone's language) and DevTools.
const NOT_SENT = [
  ["domain", /domain list|合法域名/i],
  ["offline", /INTERNET_DISCONNECTED|appears to be offline|断开与互联网/i],
  ["unreachable", /NAME_NOT_RESOLVED|NAME_RESOLUTION_FAILED|unable to resolve host|unknow[n]? host/i],
  ["unreachable", /hostname could not be found|指定主机名/i],
  ["unreachable", /CONNECTION_(REFUSED|FAILED|TIMED_OUT)|ADDRESS_UNREACHABLE|PROXY_CONNECTION_FAILED/],
  ["unreachable", /could not connect to the server|未能连接到服务器/i],
  ["certificate", /ERR_CERT_|certificate|证书|secure connection|建立.*安全连接/i],
  ["address", /invalid url/i],
  ["interrupted", /createRequestTask:fail/],
];

// {reason, isSent}: isSent is false only if certainly nothing was sent. An unknown text may mean anything.
function classify(error, wasInBackground) {
  const text = String(error && error.errMsg);
  if (error && error.errno === 600002) return { reason: "domain", isSent: false };
  const known = NOT_SENT.find(([, pattern]) => pattern.test(text));
  if (known) return { reason: known[0], isSent: false };
  // WeChat interrupts requests that begin in the background, and those that are 5 s old when it goes there.
  if (/interrupted/i.test(text)) return { reason: "interrupted", isSent: !wasInBackground };
  if (/time ?out|timed out|超时/i.test(text)) return { reason: "timeout", isSent: true };
  return { reason: "network", isSent: true };
}

let isInBackground = false;
function setInBackground(value) {
  isInBackground = value;
}

// Resolves to {status, data, headers} for every status. Rejects with {reason, isSent}, see classify().
function request(method, path, options) {
  const { data, headers = {} } = options || {};
  const wasInBackground = isInBackground;
  return new Promise((resolve, reject) => {
    wx.request({
      url: config.baseUrl + path,
      method,
      data,
      header: headers,
      timeout: config.timeout,
      success: (reply) =>
        resolve({ status: reply.statusCode, data: reply.data, headers: lowerCaseNames(reply.header) }),
      fail: (error) => reject(classify(error, wasInBackground)),
    });
  });
}

// Retry-After in seconds, or 0.
const retryAfter = (headers) => (/^\d{1,5}$/.test(headers["retry-after"]) ? Number(headers["retry-after"]) : 0);

// "请在 5 秒后", in minutes or hours if it is long, or "请稍后" without a valid Retry-After.
function retryText(headers) {
  const seconds = retryAfter(headers);
  if (!seconds) return "请稍后";
  if (seconds < 120) return `请在 ${seconds} 秒后`;
  return seconds < 7200 ? `请在 ${Math.ceil(seconds / 60)} 分钟后` : `请在 ${Math.ceil(seconds / 3600)} 小时后`;
}

module.exports = { request, retryAfter, retryText, setInBackground };
