// A proxy between a phone and the real server. It injects faults and forwards all other requests.
const http = require("node:http");

class FaultyProxy {
  // upstreamPort: the server's port on this machine.
  constructor(upstreamPort) {
    this.upstreamPort = upstreamPort;
    this.faults = []; // [path, fault], each for one request
    this.requests = []; // {method, path, url, headers, body, status}, in the order of arrival
    this.server = http.createServer((request, response) => this.handle(request, response));
  }

  start() {
    return new Promise((resolve) => {
      this.server.listen(this.port ?? 0, "127.0.0.1", () => {
        this.port = this.server.address().port;
        resolve(this);
      });
    });
  }

  // After this, connections are refused.
  stop() {
    return new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }

  // Applies `fault`, one of the functions below, to the next request of this path.
  addFault(path, fault) {
    this.faults.push([path, fault]);
  }

  requestsTo(path) {
    return this.requests.filter((entry) => entry.path === path);
  }

  async handle(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = request.url.split("?")[0];
    const entry = {
      method: request.method,
      path,
      url: request.url,
      headers: request.headers,
      body: body.toString(),
      status: null,
    };
    this.requests.push(entry);
    const position = this.faults.findIndex(([faultyPath]) => faultyPath === path);
    const fault = position < 0 ? forwardReply : this.faults.splice(position, 1)[0][1];
    await fault({ response, entry, forward: () => this.forward(request, body, entry) });
  }

  forward(request, body, entry) {
    return new Promise((resolve, reject) => {
      const headers = { ...request.headers, host: `127.0.0.1:${this.upstreamPort}` };
      const upstreamRequest = http.request(
        {
          port: this.upstreamPort,
          host: "127.0.0.1",
          method: request.method,
          path: request.url,
          headers,
          agent: false,
        },
        async (reply) => {
          const chunks = [];
          for await (const chunk of reply) chunks.push(chunk);
          entry.status = reply.statusCode;
          resolve({ status: reply.statusCode, headers: reply.rawHeaders, body: Buffer.concat(chunks) });
        },
      );
      upstreamRequest.on("error", reject);
      upstreamRequest.end(body);
    });
  }
}

async function forwardReply({ response, forward }) {
  const reply = await forward();
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}

// Replies without forwarding the request.
const replyWith =
  (status, headers, body) =>
  async ({ response, entry }) => {
    entry.status = status;
    response.writeHead(status, headers);
    response.end(body);
  };

// The server handles the request; its reply is lost.
const loseReply = async ({ response, forward }) => {
  await forward();
  response.socket.destroy();
};

// The request does not reach the server, and no reply comes.
const noReply = async () => {};

// The server handles the request; its reply is held until `release` is called.
function holdReply() {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const fault = async ({ response, forward }) => {
    const reply = await forward();
    await released;
    response.writeHead(reply.status, reply.headers);
    response.end(reply.body);
  };
  return { fault, release };
}

// The Wi-Fi of a hotel: its login page with status 200.
const captivePortal = replyWith(
  200,
  { "Content-Type": "text/html" },
  "<!doctype html><title>Welcome</title>Log in to our Wi-Fi",
);

module.exports = { FaultyProxy, replyWith, loseReply, noReply, holdReply, captivePortal };
