// The settings of an installation.
module.exports = {
  // The server's address: https, without a slash at the end. WeChat's console must list it as a request
  // domain too (see README.md).
  baseUrl: "https://rate.example.cn",
  // The timeout of a request, in milliseconds.
  timeout: 15000,
};
