"""The server as a process of its own: a folder that is thrown away, and a free port of this machine."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN = 60
# An order that waits for an answer ends by its deadline, and the server with it.
ENDS_WITHIN = 90


class House:
    """One server. It can be killed and started again on the same folder and port."""

    def __init__(self, *, demo=False, **settings):
        self._folder = tempfile.TemporaryDirectory(prefix="fanju-browser-")
        self.folder = Path(self._folder.name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._demo = demo
        # Everybody here comes from one address.
        settings = {"attempts_per_minute": 10_000, **settings}
        self._settings = {f"FANJU_{name.upper()}": str(value) for name, value in settings.items()}
        self._process = None
        self.start()

    @property
    def data(self):
        return self.folder / "data"

    def start(self):
        arguments = [os.environ["FANJU_SERVER"], "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                     "--public-url", self.url, *(["--demo"] if self._demo else [])]
        environment = {**os.environ, "RUST_LOG": "warn", **self._settings}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(arguments, env=environment, stderr=log, stdout=log)
        over = time.monotonic() + STARTS_WITHIN
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > over:
                raise AssertionError(f"the server does not start:\n{self.log()}")
            time.sleep(0.02)

    @contextmanager
    def elsewhere(self):
        """The same folder behind another port: whoever knows only the first one finds nobody there."""
        known = self.port
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()
        try:
            yield
        finally:
            self._process.terminate()
            self._process.wait(ENDS_WITHIN)
            self.port = known

    def ask(self, verb, path, token=None, *, key=None, **body):
        """Asks over HTTP what no page has to be opened for."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=verb, data=json.dumps(body).encode() if body else None,
            headers={"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {}),
                     **({"idempotency-key": key} if key else {})})
        with urllib.request.urlopen(request, timeout=STARTS_WITHIN) as answer:
            return json.load(answer)

    def kill(self):
        """As a power cut does it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def stopped(self):
        """It takes what is sent, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self):
        """As it should end: by itself, once it is asked to."""
        self._process.terminate()
        try:
            code = self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            code = "killed, for it did not end by itself"
        log = self.log()
        self._folder.cleanup()
        assert code == 0, f"the server ended with {code}:\n{log}"

    @property
    def _log(self):
        return self.folder / "log"

    def log(self):
        return self._log.read_text(errors="replace")[-4_000:]

    def operator_token(self):
        return (self.data / "operator.token").read_text().strip()

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False
