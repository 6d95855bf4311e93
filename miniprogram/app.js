const delivery = require("./delivery");
const log = require("./log");
const outbox = require("./outbox");
const { setInBackground } = require("./request");

// Not at once: the first page comes first, and phones that get the network back together do not send together.
const RESEND_DELAY = { least: 300, spread: 500 }; // milliseconds

let timer = null;

function resendSoon() {
  clearTimeout(timer);
  timer = setTimeout(
    () => {
      outbox.retry();
      delivery.resendAll();
    },
    RESEND_DELAY.least + Math.random() * RESEND_DELAY.spread,
  );
}

function watchNetwork() {
  if (!wx.onNetworkStatusChange) return;
  wx.onNetworkStatusChange((status) => {
    if (status.isConnected) resendSoon();
  });
}

// A restart loses what is not on the phone, so it is offered only if the outbox is stored. Otherwise the new
// version starts with the next cold start.
function watchUpdates() {
  const manager = wx.getUpdateManager && wx.getUpdateManager();
  if (!manager) return;
  manager.onUpdateReady(() => {
    if (!outbox.isSaved() || outbox.all().some((entry) => delivery.isSending(entry.id))) return;
    wx.showModal({
      title: "小程序有新版本",
      content: "重启后使用新版本，填写的内容会保留。",
      confirmText: "现在重启",
      cancelText: "以后再说",
      success: (answer) => {
        if (answer.confirm && outbox.isSaved()) manager.applyUpdate();
      },
    });
  });
  manager.onUpdateFailed(() => log.warn("update", "the new version could not be downloaded"));
}

// Old links and codes may name pages that no longer exist. Their options still lead to the right account.
function toScorePage(missing) {
  const query = missing.query || {}; // undecoded, like the options of a page
  const options = ["acc_nbr", "phonenum", "scene", "q"]
    .filter((name) => query[name])
    .map((name) => `${name}=${/%/.test(query[name]) ? query[name] : encodeURIComponent(query[name])}`);
  log.warn("page not found", missing.path);
  wx.reLaunch({ url: `/pages/score/score${options.length ? `?${options.join("&")}` : ""}` });
}

App({
  onLaunch() {
    watchNetwork();
    watchUpdates();
  },
  onShow() {
    setInBackground(false);
    resendSoon();
  },
  onHide() {
    setInBackground(true);
  },
  onError(message) {
    log.error("error", message);
  },
  onUnhandledRejection(event) {
    const { reason } = event;
    log.error("rejection", (reason && (reason.stack || reason.errMsg)) || typeof reason);
  },
  onPageNotFound: toScorePage,
});
