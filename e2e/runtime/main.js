// Runs window.miniProgram (see ../build.js) with glass-easel: modules, the page stack, the app's life, `wx`.
// This is glass-easel in Chromium and not WeChat: Chromium's controls, our own `wx`; threads.js stands in for the
// two threads.
import { MiniProgramEnv, glassEasel } from "glass-easel-miniprogram-adapter";
import { defineComponents } from "./components.js";
import { PageStack, addStyle, parseOptions, resolve } from "./pages.js";
import { breakStorage, fillStorage, freeStorage } from "./storage.js";
import { CLIENT_CSS } from "./style.js";
import { delayHandlers } from "./threads.js";
import { createWx } from "./wx.js";

const program = window.miniProgram;
let application = null;

// --- The phone ------------------------------------------------------------------------------------

const PRIVACY_CONSENT_KEY = "phone:privacy-agreed";
const phone = {
  ...window.phoneSettings, // see phone.js
  record: (name, detail) => window.phoneRecord(name, detail),
  reportError: (text) => window.phoneRecord("error", text),
  needsPrivacyConsent: () => phone.asksForPrivacy && !localStorage.getItem(PRIVACY_CONSENT_KEY),
  agreeToPrivacy: () => localStorage.setItem(PRIVACY_CONSENT_KEY, "yes"),
};
function reportScriptError(error) {
  const text = String(error?.stack ?? error);
  phone.reportError(text);
  application?.onError?.(text);
}
glassEasel.addGlobalErrorListener(reportScriptError);
glassEasel.addGlobalWarningListener((message) => phone.reportError(`warning: ${message}`));
window.addEventListener("error", (event) => reportScriptError(event.error ?? event.message));
window.addEventListener("unhandledrejection", ({ reason, promise }) => {
  phone.reportError(String(reason?.stack ?? reason));
  application?.onUnhandledRejection?.({ reason, promise });
});

// --- glass-easel ----------------------------------------------------------------------------------

const env = new MiniProgramEnv();
const builtins = defineComponents(env.getGlobalCodeSpace().getComponentSpace(), phone);
const tags = new Set(builtins.map(([tag]) => tag));
const context = new glassEasel.CurrentWindowBackendContext();
const realDocument = context.document;
context.document = {
  createElement: (tag) => realDocument.createElement(tags.has(tag) ? `wx-${tag}` : tag),
  createTextNode: (text) => realDocument.createTextNode(text),
  createDocumentFragment: () => realDocument.createDocumentFragment(),
};
context.onEvent((target, type, detail, options) => {
  const event = new glassEasel.Event(type, detail, options);
  glassEasel.Event.dispatchEvent(target, event);
  return event.defaultPrevented() ? glassEasel.EventBubbleStatus.NoDefault : glassEasel.EventBubbleStatus.Normal;
});
const backend = env.associateBackend(context);
const space = env.createCodeSpace("", true);
for (const [tag, component] of builtins) space.getComponentSpace().setGlobalUsingComponent(tag, component);
addStyle(CLIENT_CSS);
addStyle(program.appCss);

const pages = new PageStack({
  program,
  phone,
  createRoot: (route) => backend.createRoot("page", space, route),
  onError: reportScriptError,
  onMissing(path, query) {
    phone.record("pageNotFound", path);
    if (application?.onPageNotFound)
      application.onPageNotFound({ path, query: parseOptions(query), isEntryPage: !pages.stack.length });
    else {
      // WeChat's own page for an address that the program does not have.
      const box = document.createElement("div");
      box.id = "wx-not-found";
      box.textContent = "页面不存在";
      document.body.append(box);
    }
  },
});

// --- Modules --------------------------------------------------------------------------------------

const wx = createWx(phone, pages);
const globals = {
  wx,
  getApp: () => application,
  getCurrentPages: () => pages.stack.map((page) => page.instance),
  App: (options) => {
    application = options;
  },
};
// The globals of WeChat's script engine: the language, timers and a console, but no window, document or fetch.
const SCRIPT_GLOBALS = new Set([
  ..."Object Array Function String Number Boolean Symbol BigInt Math JSON Date RegExp Promise Map Set WeakMap WeakSet".split(
    " ",
  ),
  ..."Error TypeError RangeError SyntaxError Uint8Array Int32Array ArrayBuffer DataView Reflect Proxy".split(" "),
  ..."undefined NaN Infinity parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent".split(" "),
  ..."encodeURI decodeURI setTimeout clearTimeout setInterval clearInterval console".split(" "),
]);
const createScope = (locals) =>
  new Proxy(locals, {
    has: () => true,
    get(target, name) {
      if (name === Symbol.unscopables) return undefined;
      if (name in target) return target[name];
      if (!SCRIPT_GLOBALS.has(name)) throw new ReferenceError(`${String(name)} is not defined`);
      const value = window[name];
      return typeof value === "function" && /^(set|clear)/.test(name) ? value.bind(window) : value;
    },
  });

const loaded = new Map();
function loadModule(id, extra = {}) {
  if (loaded.has(id)) return loaded.get(id).exports;
  if (!(id in program.modules)) throw new Error(`module not found: ${id}`);
  const module = { exports: {} };
  loaded.set(id, module);
  const locals = {
    ...globals,
    ...extra,
    module,
    exports: module.exports,
    require: (relative) => loadModule(resolve(id, relative).replace(/\.js$/, "")),
  };
  const body = `with (scope) { (function () { "use strict"; ${program.modules[id]}\n})(); }\n//# sourceURL=${id}.js`;
  new Function("scope", body)(createScope(locals));
  return module.exports;
}

// --- The app's life -------------------------------------------------------------------------------

function callApp(name, ...values) {
  try {
    application?.[name]?.(...values);
  } catch (error) {
    reportScriptError(error);
  }
}

const SCAN = 1011; // WeChat's scene: a QR code was scanned
const launchOptions = (path, query) => ({ path, query: parseOptions(query), scene: SCAN });

// The tests call these functions (phone.js).
window.phoneControl = {
  fillStorage,
  freeStorage,
  breakStorage,
  // The app goes to the background. After 5 s WeChat interrupts its requests.
  hide() {
    pages.isAppShown = false;
    document.activeElement?.blur();
    if (pages.current) pages.call(pages.current, "onHide");
    callApp("onHide");
    wx.test.setInBackground(true);
  },
  // The app comes back: by its icon (no path), or by a link or code with another query, which opens the page anew.
  show(path, query) {
    const { current } = pages;
    const isSame = path === undefined || (current && current.route === path && current.query === query);
    wx.test.setInBackground(false);
    pages.isAppShown = true;
    callApp("onShow", launchOptions(path ?? current?.route, query ?? current?.query));
    if (isSame) {
      if (current) pages.call(current, "onShow");
      return;
    }
    setTimeout(() => {
      pages.close(Infinity);
      pages.enter(path, query);
    });
  },
  back: () => pages.back(),
  setNetwork: (type) => wx.test.setNetwork(type),
  callApp,
};

loadModule("app");
for (const page of program.app.pages) {
  space.addComponentStaticConfig(page, { usingComponents: {}, ...program.pages[page].config });
  space.addCompiledTemplate(page, { groupList: program.templates, content: program.templates[page] });
  space.componentEnv(page, ({ Page }) =>
    loadModule(page, { Page: (options) => Page(delayHandlers(options, reportScriptError)) }),
  );
}
const address = new URLSearchParams(window.location.search);
const entry = launchOptions(address.get("page") ?? program.app.pages[0], address.get("query") ?? "");
callApp("onLaunch", entry);
callApp("onShow", entry);
pages.enter(entry.path, address.get("query") ?? "");
window.phoneIsReady = true;
