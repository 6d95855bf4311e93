Page({
  data: { phonenum: "", grade1: "", grade2: "", grade3: "", txt1: "", txt2: "", txt3: "" },

  onLoad: function (options) {
    this.setData({ phonenum: options.phonenum });
  },

  typed: function (e) {
    this.setData({ [e.currentTarget.dataset.name]: e.detail.value });
  },

  submit: function () {
    var that = this;
    wx.request({
      url: "https://rate.example.cn/score",
      method: "POST",
      header: { "Content-Type": "application/x-www-form-urlencoded", chartset: "utf-8" },
      data: {
        acc_nbr: JSON.stringify(that.data.phonenum),
        grade1: JSON.stringify(that.data.grade1),
        grade2: JSON.stringify(that.data.grade2),
        grade3: JSON.stringify(that.data.grade3),
        txt1: JSON.stringify(that.data.txt1),
        txt2: JSON.stringify(that.data.txt2),
        txt3: JSON.stringify(that.data.txt3),
      },
      success: function (res) {
        wx.showToast({ title: res.data, icon: "success", duration: 2000 });
        wx.redirectTo({ url: "../graderesult/graderesult?phonenum=" + that.data.phonenum });
      },
    });
  },
});
