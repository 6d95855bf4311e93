// The page stack of WeChat, on glass-easel roots.
import { separateData, toScript } from "./threads.js";

const MAX_PAGES = 10;

export function resolve(from, relative) {
  if (relative.startsWith("/")) return relative.slice(1);
  const parts = from.split("/").slice(0, -1);
  for (const step of relative.split("/")) {
    if (step === "..") parts.pop();
    else if (step && step !== ".") parts.push(step);
  }
  return parts.join("/");
}

// As in WeChat: not decoded, and cut off at a second "=".
export const parseOptions = (query) =>
  Object.fromEntries(
    (query ?? "")
      .split("&")
      .filter(Boolean)
      .map((pair) => pair.split("="))
      .map(([name, value = ""]) => [name, value]),
  );

export function addStyle(css) {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  return style;
}

export class PageStack {
  // `createRoot(route)` returns a glass-easel root; `onMissing(route, query)` handles a page that does not exist.
  constructor({ program, phone, createRoot, onMissing, onError }) {
    Object.assign(this, { program, phone, createRoot, onMissing, onError });
    this.stack = [];
    this.isAppShown = true;
    this.navigationBar = document.createElement("div");
    this.navigationBar.id = "navigation-bar";
    document.body.append(this.navigationBar);
  }

  get current() {
    return this.stack[this.stack.length - 1];
  }

  call(page, name, ...values) {
    try {
      page.instance[name]?.(...values);
    } catch (error) {
      this.onError(error);
    }
  }

  setShown(page, isShown) {
    page.style.disabled = !isShown;
    page.host.style.display = isShown ? "" : "none";
    if (isShown) this.showBar(page.route);
    if (this.isAppShown) this.call(page, isShown ? "onShow" : "onHide");
  }

  showBar(route) {
    const { app, pages, themes } = this.program;
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? themes.dark : themes.light;
    const setting = (name) => pages[route]?.config[name] ?? app.window[name];
    const colour = (value) => (String(value).startsWith("@") ? theme[value.slice(1)] : value);
    this.navigationBar.textContent = setting("navigationBarTitleText");
    this.navigationBar.style.background = colour(setting("navigationBarBackgroundColor")) ?? "#fff";
    this.navigationBar.style.color = colour(setting("navigationBarTextStyle")) ?? "black";
    document.documentElement.style.background = colour(setting("backgroundColor")) ?? "#fff";
  }

  closePage(page) {
    this.call(page, "onUnload");
    page.isClosed = true;
    page.root.release();
    page.host.remove();
    page.style.remove();
  }

  openPage(route, query) {
    const style = addStyle(this.program.pages[route].css);
    const root = this.createRoot(route);
    const page = { route, root, style, instance: root.get(), query: query ?? "", isClosed: false };
    page.instance.route = route;
    page.instance.options = parseOptions(query);
    separateData(page.instance, { isOpen: () => !page.isClosed, reportError: this.phone.reportError });
    this.stack.push(page);
    this.call(page, "onLoad", page.instance.options);
    const placeholder = document.createElement("span");
    document.body.append(placeholder);
    root.attach(document.body, placeholder);
    page.host = root.getComponent().$$;
    this.setShown(page, true);
    toScript.send(() => !page.isClosed && this.call(page, "onReady"));
    window.scrollTo(0, 0);
  }

  has(route) {
    return this.program.app.pages.includes(route);
  }

  // Opens the page, or tells the app that it does not exist.
  enter(route, query) {
    document.getElementById("wx-not-found")?.remove();
    if (this.has(route)) this.openPage(route, query);
    else this.onMissing(route, query);
  }

  close(count) {
    document.getElementById("wx-toast")?.remove(); // WeChat removes a toast with its page
    document.activeElement?.blur();
    this.stack
      .splice(Math.max(this.stack.length - count, 0))
      .reverse()
      .forEach((page) => this.closePage(page));
  }

  // Closes `closing` pages and opens another. Returns an error text, or "".
  open(url, { closing }) {
    const [address, query] = url.split("?");
    const route = resolve(this.current?.route ?? "", address);
    if (!this.has(route)) return `page "${route}" is not found`;
    if (!closing && this.stack.length >= MAX_PAGES) return `webview count limit exceed`;
    setTimeout(() => {
      this.close(closing);
      if (this.stack.length) this.setShown(this.current, false);
      this.enter(route, query);
    });
    return "";
  }

  back() {
    if (this.stack.length < 2) return false;
    this.close(1);
    this.setShown(this.current, true);
    return true;
  }
}
