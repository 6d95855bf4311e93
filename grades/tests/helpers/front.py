"""A web server with TLS in front of the real application, and certificates for it, made by openssl."""

import contextlib
import io
import os
import random
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

HOST = "rate.example.cn"
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"


def free_port():
    """Below the ports of outgoing connections, which may take a port at any time."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class Authority:
    """A root that clients trust, and an intermediate that signs the certificates of servers."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root.pem"
        self.issue("root", "/CN=Test root", CA)
        self.issue("intermediate", "/CN=Test intermediate", CA, "root")
        self.other = folder / "other.pem"
        self.issue("other", f"/CN={HOST}", f"subjectAltName=DNS:{HOST}\n")

    def issue(self, name, subject, extensions, issuer=None, days=90):
        self.run("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{name}.key")
        self.run("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        (self.folder / f"{name}.ext").write_text(extensions)
        by = (
            ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial"]
            if issuer
            else ["-signkey", f"{name}.key"]
        )
        self.run(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            *by,
            "-days",
            str(days),
            "-extfile",
            f"{name}.ext",
            "-out",
            f"{name}.pem",
        )

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def server(self, host=HOST, days=90, issuer="intermediate"):
        """(chain, key) of a server, as nginx takes them."""
        name = f"{host}-{days}-{issuer}"
        self.issue(name, f"/CN={host}", f"subjectAltName=DNS:{host}\n", issuer, days)
        chain = self.folder / f"{name}-chain.pem"
        chain.write_text((self.folder / f"{name}.pem").read_text() + (self.folder / f"{issuer}.pem").read_text())
        return chain, self.folder / f"{name}.key"

    def server_of_an_expired_intermediate(self):
        self.issue("expired", "/CN=Test intermediate of before", CA, "root", days=-1)
        return self.server(issuer="expired")

    def server_alone(self):
        """The same without the intermediate."""
        _chain, key = self.server()
        return key.with_suffix(".pem"), key

    def self_signed(self):
        return self.other, self.folder / "other.key"


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # all checks connect at the same time

    def handle_error(self, *_arguments):  # a client that looks at the certificate only
        pass


def whole_bodies(application):
    """Read the body before the application refuses it, as nginx does."""

    def wrapped(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return application(environ, start_response)

    return wrapped


@contextmanager
def serving(application, certificate=None, oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_3):
    """Serve a WSGI application, with TLS if there is a (chain, key); yields (host, port)."""
    server = Server(("127.0.0.1", free_port()), QuietHandler)
    server.set_app(whole_bodies(application))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = oldest, newest
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.base_environ["HTTPS"] = "on"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def redirect_to_https(environ, start_response):
    start_response("301 Moved Permanently", [("Location", f"https://{HOST}{environ['PATH_INFO']}")])
    return [b""]


NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
NGINX_CONF = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; default_type application/json; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
        client_max_body_size 64k;
        {error_page}
        location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header Host $host; }}
    }}
}}
"""


@contextmanager
def nginx(folder, application, certificate, error_page):
    """A real nginx with TLS before the application; yields (host, port)."""

    def secure(environ, start_response):  # gunicorn takes the scheme from the proxy
        return application(environ | {"wsgi.url_scheme": "https"}, start_response)

    with serving(secure) as (_host, behind):
        port, (chain, key) = free_port(), certificate
        conf = folder / "nginx.conf"
        conf.write_text(
            NGINX_CONF.format(folder=folder, port=port, chain=chain, key=key, error_page=error_page, behind=behind)
        )
        process = subprocess.Popen([NGINX, "-e", folder / "error.log", "-c", conf], stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait()


def wait_for_port(port):
    for _try in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError("nginx did not start")
