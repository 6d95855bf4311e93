"""The site under proof: its machine, its certificate, and requests to it over TLS."""

import http.client
import json
import socket
import ssl
import subprocess
import time
import uuid

from .machine import ROOT, Failed, run

DOMAIN = "score.example.test"
SUCCESS = "数据提交成功"
FAILURE = "数据提交失败"


def expect(what, wanted, seen):
    if seen != wanted:
        raise Failed(f"{what}: expected {wanted!r}, got {seen!r}")


class Authority:
    """A root, an intermediate and leaves, as a public authority has them; the files are in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.certificate("root", "Test Root", None, "CA:TRUE")
        self.certificate("middle", "Test Intermediate", "root", "CA:TRUE,pathlen:0")
        self.leaf(DOMAIN)

    @property
    def root(self):
        return self.folder / "root.pem"

    def certificate(self, name, subject, issuer, constraint, *extensions, days=90):
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", str(days), "-subj", f"/CN={subject}",
            "-addext", f"basicConstraints=critical,{constraint}",
        ]  # fmt: skip
        for extension in extensions:
            command += ["-addext", extension]
        if issuer:
            command += ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"]
        run(*command, cwd=self.folder)

    def leaf(self, name, days=90):
        """`NAME.pem` (the leaf alone), `NAME.key`, and `NAME.chain.pem` with the intermediate."""
        self.certificate(name, name, "middle", "CA:FALSE", f"subjectAltName=DNS:{name}", days=days)
        chain = (self.folder / f"{name}.pem").read_text() + (self.folder / "middle.pem").read_text()
        (self.folder / f"{name}.chain.pem").write_text(chain)


class Site:
    """One installation: `manager` is supervisor or systemd."""

    def __init__(self, machine, manager, authority):
        self.machine = machine
        self.manager = manager
        self.authority = authority
        self.context = ssl.create_default_context(cafile=authority.root)
        self.tree = "/root/scoring-1"

    def prepare(self, address=None):
        """Put the checkout, the certificate and the name of the domain (at `address`) on the machine."""
        self.copy_tree(self.tree)
        machine = self.machine
        machine.run("mkdir -p /root/tls")
        for file in self.authority.folder.iterdir():
            machine.path(f"/root/tls/{file.name}").write_bytes(file.read_bytes())
        machine.run("cp /root/tls/root.pem /usr/local/share/ca-certificates/test-root.crt && update-ca-certificates")
        hosts = f"127.0.0.1 localhost\n{address or machine.address} {DOMAIN}\n"
        machine.path("/etc/hosts").write_text(hosts)

    def copy_tree(self, target):
        """Copy the checkout, as an archive of it would unpack, to a folder of the machine."""
        folder = self.machine.path(target)
        folder.mkdir()
        names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
        existing = "\0".join(name for name in names.split("\0") if name and (ROOT / name).exists())
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-"], input=existing.encode(), cwd=ROOT, capture_output=True,
            check=True,
        )  # fmt: skip
        subprocess.run(["tar", "--extract", "--no-same-owner", "-C", folder], input=packed.stdout, check=True)

    def install_command(self, *more, tree=None):
        """install.sh with the certificate of the test authority and this run's process manager."""
        options = [f"--domain {DOMAIN}", f"--certificate /root/tls/{DOMAIN}.chain.pem", f"--key /root/tls/{DOMAIN}.key"]
        if self.manager == "systemd":
            options.append("--systemd")
        return " ".join([f"{tree or self.tree}/deploy/install.sh", *options, *more])

    def scoring(self, arguments, seconds=120):
        """The operator's command; its output."""
        return self.machine.run(f"scoring {arguments}", seconds)

    def control(self, action, *programs):
        """Start or stop programs by the process manager."""
        if self.manager == "systemd":
            command, prefix = "systemctl", "scoring@"
        else:
            command, prefix = "supervisorctl", "scoring:"
        self.machine.run(f"{command} {action} {' '.join(prefix + name for name in programs)}")

    def wait_until_ready(self, *ports, seconds=60):
        """Wait until the programs answer on their ports, and nginx on its own."""
        probe = "curl -s -o /dev/null -m 5 -w '%{http_code}'"
        checks = [
            f"{probe} -H 'Host: {DOMAIN}' -H 'X-Forwarded-Proto: https' http://127.0.0.1:{port}/score/form"
            for port in ports or (18101, 18102, 18201, 18202)
        ]
        checks.append(f"{probe} https://{DOMAIN}/score/form")
        end = time.monotonic() + seconds
        for check in checks:
            while self.machine.attempt(check)[1] != "200":
                if time.monotonic() > end:
                    raise Failed(f"not ready within {seconds} s: {check}")
                time.sleep(0.1)

    def processes(self):
        """The processes of the site's programs."""
        return set(self.machine.attempt("pgrep -u scoring")[1].split())

    def fingerprint(self):
        """What install.sh could change: files with owner, mode, size and time; processes; the binary log."""
        folders = "/etc /opt /usr/local /var/www /var/lib/scoring /var/backups/scoring /root"
        # The worker of the jobs touches its file every ten seconds.
        others = "-not -name __pycache__ -not -path '*/log/*' -not -path '*/state/jobs'"
        files = self.machine.run(f"find {folders} {others} -printf '%p\t%M %u %g %s %T@\n'")
        result = dict(line.split("\t") for line in files.splitlines())
        result["processes"] = self.machine.run(
            "pgrep -u scoring; pgrep nginx; pgrep haproxy; pgrep mariadbd; pgrep supervisord || true"
        )
        result["binary log"] = self.machine.run(
            "if command -v mariadb >/dev/null; then mariadb -NBe 'SHOW MASTER STATUS'; fi"
        )
        return result

    def kept(self):
        """What an uninstallation leaves: digests of settings, and the numbers of rows."""
        files = self.machine.run(
            "sha256sum /etc/scoring/env /etc/scoring/migrate.env /etc/scoring/tls/*.pem; ls /var/log/scoring"
        )
        return files, self.query("SELECT COUNT(*) FROM grade; SELECT COUNT(*) FROM django_migrations")

    def query(self, statement):
        """The rows of a statement, as lines of columns separated by tabs."""
        return self.machine.run(
            "mariadb --default-character-set=utf8mb4 --batch --skip-column-names scoring", input=statement
        ).splitlines()

    # --- Requests over TLS, from outside the machine --------------------------------------------------

    def connect(self, timeout=20):
        plain = socket.create_connection((self.machine.address, 443), timeout)
        return self.context.wrap_socket(plain, server_hostname=DOMAIN)

    def raw(self, data, timeout=30):
        """Send bytes and read the reply: (status, headers, body). For requests that no library would send."""
        with self.connect(timeout) as connection:
            connection.sendall(data)
            reply = http.client.HTTPResponse(connection)
            reply.begin()
            return reply.status, reply.headers, reply.read()

    def request(self, method, path, body=None, headers=None, host=DOMAIN):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode() + (body or b""))

    def rate(self, number="13800138000", **fields):
        """Send a rating as the mini program does: (status, headers, body). Each call is a rating of its own."""
        rating = {"acc_nbr": number, "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "很好👍", "txt2": "", "txt3": ""}
        rating |= {"submission_id": str(uuid.uuid4())} | fields
        body = json.dumps(rating).encode()
        return self.request("POST", "/score", body, {"Content-Type": "application/json"})

    def location(self, path):
        """The status and the address of a redirect, without the host."""
        status, headers, _body = self.request("GET", path)
        return status, (headers["Location"] or "").removeprefix(f"https://{DOMAIN}")

    def plain(self, method, path, port=80):
        """A request without TLS: (status, Location, body)."""
        connection = http.client.HTTPConnection(self.machine.address, port, timeout=20)
        try:
            connection.request(method, path, headers={"Host": DOMAIN})
            reply = connection.getresponse()
            body = reply.read().decode()
            return reply.status, reply.getheader("Location"), body
        finally:
            connection.close()

    def served_by(self, issuer):
        """The certificate that nginx serves, which this authority must have issued."""
        certificate = ssl.get_server_certificate((self.machine.address, 443))
        text = run("openssl", "x509", "-noout", "-issuer", input=certificate)
        expect(f"a certificate of {issuer}", True, issuer in text)
        return certificate

    def serial(self):
        """The serial number of the certificate that nginx serves."""
        with self.connect() as connection:
            return connection.getpeercert()["serialNumber"]
