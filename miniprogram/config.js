// What an installation changes: the server's address, with https and without a slash at the end. It
// must stand in WeChat's console too, as a request domain (see README.md).
module.exports = {
  baseUrl: "https://rate.example.cn",
  // Milliseconds until a request is given up.
  timeout: 15000,
};
