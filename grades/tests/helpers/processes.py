"""Commands as processes of their own, on the test database."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios

from django.conf import settings

from .servers import database_url


def interrupt_command(*arguments, at):
    """Run `manage.py` with `arguments` and press Ctrl-C when its progress bar matches the pattern `at`.

    Returns (exit status, standard output, the lines on the terminal after the progress bar).
    """
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "DJANGO_COLORS": "nocolor",
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
    }
    terminal, stderr = pty.openpty()  # the progress bar needs a terminal
    termios.tcsetwinsize(stderr, (24, 80))
    process = subprocess.Popen(
        # A shell may have started the tests with SIGINT ignored.
        ["env", "--default-signal=INT", sys.executable, "manage.py", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=settings.BASE_DIR,
        env=environment,
        text=True,
    )
    os.close(stderr)
    text, interrupted = "", False
    try:
        while chunk := read_terminal(terminal):
            text += chunk
            if not interrupted and re.search(at, text):
                process.send_signal(signal.SIGINT)
                interrupted = True
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(terminal)
    assert interrupted, f"the command ended before the interrupt:\n{text}"
    after_bar = text.replace("\r\n", "\n").split("\r")[-1]
    return process.returncode, output, after_bar.splitlines()


def read_terminal(terminal):
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # Linux reports EIO when the last process has closed the terminal
        return ""
