// After a rating was stored. Its address has no number; the page reads the last delivery from memory.
const { mask } = require("../../characters");
const config = require("../../config");
const delivery = require("../../delivery");

const TOAST_MS = 1500;

Page({
  data: { account: "", isLow: false, hasContact: config.contact, isReceiptLost: false },

  onLoad() {
    const delivered = delivery.lastDelivered();
    if (!delivered) return; // WeChat opened the page again after the app was closed
    this.accNbr = delivered.acc_nbr;
    this.toast = delivered.toast;
    this.setData({
      account: mask(delivered.acc_nbr),
      isLow: delivered.isLow,
      isReceiptLost: delivered.isReceiptLost,
    });
  },

  // WeChat removes a toast together with its page, so this page shows it.
  onReady() {
    if (this.toast) wx.showToast({ title: this.toast, icon: "success", duration: TOAST_MS });
  },

  showResults() {
    const option = this.accNbr ? `?phonenum=${encodeURIComponent(this.accNbr)}` : "";
    wx.redirectTo({ url: `../graderesult/graderesult${option}` });
  },

  finish() {
    const restart = () => wx.reLaunch({ url: "../score/score" });
    if (getCurrentPages().length > 1) wx.navigateBack({ fail: restart });
    else if (wx.exitMiniProgram) wx.exitMiniProgram({ fail: restart });
    else restart(); // before base library 2.17.3
  },
});
