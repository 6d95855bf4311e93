// The part of `wx` that the pages use. All else is undefined, like a function that an old WeChat lacks.
// The test's process sends the HTTP requests (window.phoneRequest), as in WeChat the app does and not the
// web view: no CORS, no cookies, no Sec-Fetch headers.
import { onKeyboardHeightChange } from "./keyboard.js";
import { wxStorage } from "./storage.js";
import { toScript, toView } from "./threads.js";

const BACKGROUND_LIMIT = 5000; // milliseconds

function finish(options, ok, result) {
  const callback = ok ? options.success : options.fail;
  callback?.(result);
  options.complete?.(result);
}

// As in WeChat, objects are stringified in a GET, but not in a POST.
const encode = (data, stringify) =>
  Object.entries(data)
    .map(([name, value]) => [name, stringify && typeof value === "object" ? JSON.stringify(value) : value])
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");

function toRequest({ url, method = "GET", header = {}, data, timeout = 60000 }) {
  const headers = { "content-type": "application/json" };
  for (const [name, value] of Object.entries(header)) {
    if (name.toLowerCase() !== "referer") headers[name.toLowerCase()] = String(value);
  }
  const request = { url, method: method.toUpperCase(), headers, body: null, timeout };
  if (data === undefined || data === null) return request;
  if (request.method === "GET") request.url += (url.includes("?") ? "&" : "?") + encode(data, true);
  else if (typeof data === "string") request.body = data;
  else if (/x-www-form-urlencoded/.test(headers["content-type"])) request.body = encode(data, false);
  else request.body = JSON.stringify(data);
  return request;
}

function overlay(id, ...children) {
  const box = document.createElement("div");
  box.id = id;
  box.append(...children);
  document.body.append(box);
  return box;
}

function element(tag, id, text) {
  const result = document.createElement(tag);
  if (id) result.id = id;
  result.textContent = text;
  return result;
}

// wx.request, and what interrupts it.
function createNetwork(phone) {
  const pending = new Set();
  const listeners = [];
  let isInBackground = false;
  let timer = null;
  let networkType = "wifi";

  const fail = (entry, error) => {
    if (!pending.delete(entry)) return;
    finish(entry.options, false, { errMsg: error, errno: 600001 });
  };
  const request = (options) => {
    const entry = { options };
    pending.add(entry);
    if (isInBackground) {
      setTimeout(() => fail(entry, "request:fail interrupted"));
      return { abort() {} };
    }
    window.phoneRequest({ ...toRequest(options), networkType }).then((reply) => {
      if (reply.error) return fail(entry, reply.error);
      if (!pending.delete(entry)) return undefined;
      let data = reply.body;
      try {
        data = JSON.parse(data);
      } catch {
        // A reply that is not JSON stays a string.
      }
      return finish(options, true, { data, statusCode: reply.status, header: reply.headers, errMsg: "request:ok" });
    });
    return { abort: () => fail(entry, "request:fail abort") };
  };

  return {
    request,
    onNetworkStatusChange: (listener) => listeners.push(listener),
    getNetworkType: (options) => finish(options, true, { networkType, errMsg: "getNetworkType:ok" }),
    test: {
      setInBackground(value) {
        isInBackground = value;
        clearTimeout(timer);
        const interrupt = () => [...pending].forEach((entry) => fail(entry, "request:fail interrupted"));
        if (value) timer = setTimeout(interrupt, BACKGROUND_LIMIT / phone.timeScale);
      },
      setNetwork(type) {
        networkType = type;
        listeners.forEach((listener) => listener({ isConnected: type !== "none", networkType: type }));
      },
    },
  };
}

function createSelectorQuery(pages) {
  const queries = [];
  const measure = (node, fields) => {
    const box = node.getBoundingClientRect();
    return {
      ...(fields.id && { id: node.id }),
      ...(fields.dataset && { dataset: JSON.parse(JSON.stringify(node.__wxElement?.dataset ?? {})) }),
      ...(fields.rect && { left: box.left, right: box.right, top: box.top, bottom: box.bottom }),
      ...(fields.size && { width: box.width, height: box.height }),
    };
  };
  const query = {
    in: () => query,
    exec(callback) {
      toView.send(() => {
        const results = queries.map(({ find, fields }) => find(fields));
        toScript.send(() => {
          results.forEach((result, i) => queries[i].callback?.(result));
          callback?.(results);
        });
      });
    },
  };
  const nodes = (find) => {
    const add = (fields, callback) => {
      queries.push({ find, fields, callback });
      return query;
    };
    return {
      fields: add,
      boundingClientRect: (callback) => add({ id: true, dataset: true, rect: true, size: true }, callback),
    };
  };
  const inPage = (selector) => [...(pages.current?.host.querySelectorAll(selector) ?? [])];
  query.select = (selector) =>
    nodes((fields) => {
      const [node] = inPage(selector);
      return node ? measure(node, fields) : null;
    });
  query.selectAll = (selector) => nodes((fields) => inPage(selector).map((node) => measure(node, fields)));
  return query;
}

function createUpdateManager(phone) {
  return {
    onCheckForUpdate: (listener) => setTimeout(() => listener({ hasUpdate: phone.update !== null }), 50),
    onUpdateReady: (listener) => phone.update === "ready" && setTimeout(listener, 100),
    onUpdateFailed: (listener) => phone.update === "failed" && setTimeout(listener, 100),
    applyUpdate: () => phone.record("applyUpdate", ""),
  };
}

export function createWx(phone, pages) {
  const network = createNetwork(phone);
  const hideToast = () => document.getElementById("wx-toast")?.remove();
  const navigate = (name, open) => (options) => {
    phone.record(name, options.url);
    const problem = open(options.url);
    if (problem) phone.reportError(`${name}:fail ${problem}`);
    finish(options, !problem, { errMsg: problem ? `${name}:fail ${problem}` : `${name}:ok` });
  };
  const log = (level) => (...values) => phone.record("log", `${level}: ${values.map(String).join(" ")}`);

  const wx = {
    ...network,
    ...wxStorage,
    onKeyboardHeightChange,

    showToast(options) {
      if (typeof options.title !== "string") {
        phone.reportError("showToast: the title is not a string");
        return finish(options, false, { errMsg: "showToast:fail parameter.title should be String" });
      }
      hideToast();
      phone.record("toast", options.title);
      const mark = element("div", "", options.icon === "success" ? "✓" : "");
      const toast = overlay("wx-toast", mark, element("div", "", options.title));
      setTimeout(() => toast.remove(), options.duration ?? 1500);
      return finish(options, true, { errMsg: "showToast:ok" });
    },
    hideToast,
    showModal(options) {
      const confirmButton = element("button", "wx-modal-confirm", options.confirmText ?? "确定");
      const cancelButton = element("button", "wx-modal-cancel", options.cancelText ?? "取消");
      const box = overlay(
        "wx-modal",
        element("b", "", options.title),
        element("p", "", options.content),
        cancelButton,
        confirmButton,
      );
      const closeWith = (confirmed) => () => {
        box.remove();
        finish(options, true, { confirm: confirmed, cancel: !confirmed, errMsg: "showModal:ok" });
      };
      confirmButton.addEventListener("click", closeWith(true));
      cancelButton.addEventListener("click", closeWith(false));
    },
    pageScrollTo(options) {
      toView.send(() => {
        const target = pages.current?.host.querySelector(options.selector);
        target?.scrollIntoView({ block: "start" });
        toScript.send(() => finish(options, Boolean(target), { errMsg: "pageScrollTo" }));
      });
    },
    createSelectorQuery: () => createSelectorQuery(pages),

    redirectTo: navigate("redirectTo", (url) => pages.open(url, { closing: 1 })),
    navigateTo: navigate("navigateTo", (url) => pages.open(url, { closing: 0 })),
    reLaunch: navigate("reLaunch", (url) => pages.open(url, { closing: Infinity })),
    navigateBack: (options = {}) => finish(options, pages.back(), { errMsg: "navigateBack" }),
    exitMiniProgram(options = {}) {
      phone.record("exitMiniProgram", "");
      finish(options, true, { errMsg: "exitMiniProgram:ok" });
    },

    getAccountInfoSync: () => ({ miniProgram: { appId: "touristappid", envVersion: phone.envVersion, version: "" } }),
    getUpdateManager: () => createUpdateManager(phone),
    getRealtimeLogManager: () => ({ info: log("info"), warn: log("warn"), error: log("error") }),
    getRandomValues: (options) =>
      setTimeout(() =>
        finish(options, true, { randomValues: crypto.getRandomValues(new Uint8Array(options.length)).buffer }),
      ),
    login: (options) =>
      window
        .phoneLogin()
        .then((code) =>
          code ? finish(options, true, { code, errMsg: "login:ok" }) : finish(options, false, { errMsg: "login:fail" }),
        ),
    getPrivacySetting: (options) =>
      setTimeout(() =>
        finish(options, true, {
          needAuthorization: phone.needsPrivacyConsent(),
          privacyContractName: phone.privacyContract,
        }),
      ),
    openPrivacyContract: (options) => {
      phone.record("openPrivacyContract", phone.privacyContract);
      finish(options, true, { errMsg: "openPrivacyContract:ok" });
    },
  };
  for (const name of phone.missing) delete wx[name];
  return wx;
}
