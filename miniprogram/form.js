// The form's questions and limits, from GET /score/form. The last copy is kept, so the page opens offline.
//
// Storage key "form": the reply.
const { request } = require("./request");
const storage = require("./storage");

const KEY = "form";
const DEFAULTS = {
  grade_labels: ["服务态度", "专业水平", "响应速度"],
  grade_min: 1,
  grade_max: 5,
  remark_prompts: ["服务态度如何？", "专业水平如何？", "还有什么要说的？"],
  remark_length: 500,
  privacy: "我们收集您填写的号码、评分、留言和提交时间，只用于改进服务和回访。",
  wechat_login: false,
  wechat_login_required: false,
};

const isTextTriple = (value) =>
  Array.isArray(value) && value.length === 3 && value.every((text) => typeof text === "string");

function isForm(value) {
  return (
    Boolean(value) &&
    isTextTriple(value.grade_labels) &&
    isTextTriple(value.remark_prompts) &&
    ["grade_min", "grade_max", "remark_length"].every((name) => typeof value[name] === "number") &&
    value.grade_min < value.grade_max
  );
}

function cached() {
  const copy = storage.read(KEY);
  return isForm(copy) ? copy : DEFAULTS;
}

// Resolves to the server's form, or to the last copy if the request fails; never rejects.
function refresh() {
  return request("GET", "/score/form").then(
    (reply) => {
      if (reply.status !== 200 || !isForm(reply.data)) return cached();
      const form = Object.assign({}, DEFAULTS, reply.data);
      storage.write(KEY, form);
      return form;
    },
    () => cached(),
  );
}

module.exports = { cached, refresh };
