"""A fresh Debian 12 as a machine of its own: a root by mmdebstrap, booted by systemd-nspawn with systemd as PID 1.

It has its own network namespace, so ports of this machine do not matter, and reaches package mirrors through this one.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring-site"
# What a fresh server has beyond the minimum; install.sh must bring the rest.
PACKAGES = "systemd-sysv,dbus,udev,iproute2,iputils-ping,ca-certificates,procps,python3-minimal"
TRUSTED = Path("/usr/local/share/ca-certificates")  # authorities that the owner of this machine added
BOOT_SECONDS = 60


class Failed(Exception):
    """A step found something else than it expects."""


def run(*command, seconds=120, **options):
    """Run a command of this machine; its output, or `Failed` with the end of it."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **options
    )
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout


def root_archive():
    """The packed root, made once; delete the file to get a newer Debian."""
    archive = CACHE / "stack-bookworm.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian")
        new = Path(tempfile.mkdtemp(dir=CACHE)) / "root.tar"
        try:
            run(
                "mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "--quiet", "bookworm", new,
                mirror.split()[0], seconds=600,
            )  # fmt: skip
            new.rename(archive)  # at once: another run may make it too
        finally:
            shutil.rmtree(new.parent)
    return archive


LOCKS = Path("/run/lock")
NUMBERS = range(1, 255)  # a byte of the addresses


def take_number():
    """(number, its lock): a number that no other machine of this module has, in any process.

    The system releases the lock when its process ends, however it ends.
    """
    LOCKS.mkdir(parents=True, exist_ok=True)
    for number in NUMBERS:
        lock = (LOCKS / f"scoring-stack-{number}").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return number, lock
    raise Failed("all numbers of machines are taken")


FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")  # stays on: another run may need it
NAT = """table ip {table} {{
    chain out {{
        type nat hook postrouting priority 100
        ip saddr {address} ip daddr != 10.213.0.0/16 masquerade
    }}
}}
"""


class Network:
    """A network namespace with a way out by address translation; `cut` and `mend` its cable.

    Other machines of this module see its own address.
    """

    def __init__(self, number):
        self.name, self.number = f"scoring-stack-{number}", number
        self.inner, self.outer = f"10.213.{number}.2", f"10.213.{number}.1"
        self.cable = f"stack{number}"
        self.table = f"scoring_stack_{number}"

    def start(self):
        self.stop()  # what a run with this number left when it was killed
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "host0", "netns", self.name)
        run("ip", "address", "add", f"{self.outer}/30", "dev", self.cable)
        run("ip", "link", "set", self.cable, "up")
        inside = ("ip", "-n", self.name)
        run(*inside, "address", "add", f"{self.inner}/30", "dev", "host0")
        for device in ("lo", "host0"):
            run(*inside, "link", "set", device, "up")
        run(*inside, "route", "add", "default", "via", self.outer)
        FORWARDING.write_text("1")
        run("nft", "-f", "-", input=NAT.format(table=self.table, address=self.inner))

    def add_phones(self, count):
        """More addresses of this machine, from which requests come to the other one."""
        addresses = [f"10.214.{self.number}.{phone}" for phone in range(1, count + 1)]
        for address in addresses:
            run("ip", "address", "replace", f"{address}/32", "dev", self.cable)
        return addresses

    def cut(self):
        run("ip", "link", "set", self.cable, "down")

    def mend(self):
        run("ip", "link", "set", self.cable, "up")

    def stop(self):
        for command in (
            ("nft", "delete", "table", "ip", self.table),
            ("ip", "link", "delete", self.cable),
            ("ip", "netns", "delete", self.name),
        ):
            subprocess.run(command, capture_output=True)


class Machine:
    """One booted root. `with Machine(…) as machine:` stops it and deletes it at the end.

    Several machines reach each other by their addresses.
    """

    def __init__(self, name):
        number, self.lock = take_number()
        self.name = f"{name}-{number}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"scoring-stack-{name}."))
        self.root = self.folder / "root"
        self.log = self.folder / "console.log"
        self.network = Network(number)
        self.process = None

    @property
    def address(self):
        return self.network.inner

    def __enter__(self):
        try:
            self.root.mkdir()
            run("tar", "--extract", "--numeric-owner", "--xattrs", "-f", root_archive(), "-C", self.root)
            self.prepare()
            self.network.start()
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def prepare(self):
        """What the owner of a server gets with it: a name, a resolver, and the authorities of its network."""
        (self.root / "etc/hostname").write_text("stack\n")
        resolver = Path("/run/systemd/resolve/resolv.conf")
        if not resolver.exists():
            resolver = Path("/etc/resolv.conf")
        (self.root / "etc/resolv.conf").write_text(resolver.read_text())
        for file in TRUSTED.glob("*.crt"):
            shutil.copy(file, self.root / TRUSTED.relative_to("/"))
        # pip brings authorities of its own and would not see them.
        lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt"]
        if index := os.environ.get("PIP_INDEX_URL"):
            lines.append(f"index-url = {index}")
        (self.root / "etc/pip.conf").write_text("\n".join(lines) + "\n")

    def boot(self):
        self.power_on()
        self.wait_until_booted()

    def power_on(self):
        command = (
            # A kill -9 of this process ends the machine too.
            "setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "--quiet", "--boot",
            "--register=no", "--keep-unit", f"--machine={self.name}",
            f"--directory={self.root}", f"--network-namespace-path=/run/netns/{self.network.name}",
            "--resolv-conf=off", "--timezone=off", "--link-journal=no",
        )  # fmt: skip
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C must not reach the machine before its end is asked for.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_booted(self):
        end = time.monotonic() + BOOT_SECONDS
        while self.attempt("systemctl is-system-running", seconds=30)[1].strip() not in ("running", "degraded"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"the machine does not boot\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        self.run("update-ca-certificates")

    @property
    def leader(self):
        """The machine's PID 1, as this machine sees it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return children[0] if children else "0"

    def inside(self, script):
        return (
            "nsenter", "--target", self.leader, "--all", "--", "env", "-i", "--chdir=/", "HOME=/root", "LANG=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-c", script,
        )  # fmt: skip

    def attempt(self, script, seconds=120, input=None):
        """Run a script in the machine: (its status, its output)."""
        done = subprocess.run(
            self.inside(script), input=input, stdin=None if input else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds,
        )  # fmt: skip
        return done.returncode, done.stdout

    def run(self, script, seconds=120, input=None):
        """Run a script that must succeed; its output."""
        status, output = self.attempt(script, seconds, input)
        if status:
            raise Failed(f"{script}: status {status}\n{output[-3000:]}")
        return output

    def start(self, script, **options):
        """Start a script in the machine and go on; the caller ends the process that is returned."""
        return subprocess.Popen(self.inside(script), stdin=subprocess.DEVNULL, **options)

    def path(self, path):
        """A file of the machine, seen from this one. Files on a tmpfs of the machine (/run, /tmp) are not there."""
        return self.root / path.lstrip("/")

    def shut_down(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # nspawn hands it on as an orderly shutdown
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.cut_power()

    def cut_power(self):
        """Kill everything at once. What was not flushed stays in the host's cache: this tests order, not disks."""
        os.kill(int(self.leader), signal.SIGKILL)
        self.process.wait(30)

    def reboot(self):
        self.shut_down()
        self.boot()

    def __exit__(self, *_exception):
        self.shut_down()
        self.network.stop()
        self.lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)
