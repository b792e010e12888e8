"""Network namespaces, and what runs in them."""

import contextlib
import ctypes
import http.client
import os
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    """The output of a command, which must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _enter(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


class Namespace:
    """A network namespace of ours, with its loopback device up."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def delete(self):
        run("ip", "netns", "delete", self.name)

    def run(self, *command):
        return run("ip", "netns", "exec", self.name, *command)

    def forward(self):
        """What is for others."""
        self.run("sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")

    @contextlib.contextmanager
    def entered(self):
        """For sockets, which belong to where they were made; the calling thread alone is there."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(f"/run/netns/{self.name}")
            yield
        finally:
            if _libc.setns(back, 0) != 0:
                os._exit(1)  # nothing that follows would be where it says
            os.close(back)


class HttpConnection(http.client.HTTPConnection):
    """From inside a namespace, or from here where it is None."""

    def __init__(self, namespace, host, port, timeout):
        super().__init__(host, port, timeout=timeout)
        self._inside = namespace.entered if namespace else contextlib.nullcontext

    def connect(self):
        with self._inside():
            super().connect()


class HttpsConnection(http.client.HTTPSConnection):
    """From inside a namespace."""

    def __init__(self, namespace, host, port, timeout, context):
        super().__init__(host, port, timeout=timeout, context=context)
        self._inside = namespace.entered

    def connect(self):
        with self._inside():
            super().connect()


class Process:
    """A program that can be started, killed and started again, and that ends with us."""

    def __init__(self, name, namespace, command, logs, environment=None):
        self.name = name
        self.log = logs / f"{name}.log"
        self._command = ["setpriv", "--pdeathsig", "KILL", *command]
        if namespace:
            self._command = ["ip", "netns", "exec", namespace.name, *self._command]
        self._environment = {**os.environ, **(environment or {})}
        self._child = None

    def start(self):
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def has_ended(self):
        return self._child.poll() is not None

    def kill(self):
        """As the kernel does where memory is short."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    @property
    def pid(self):
        return self._child.pid

    def signal(self, number):
        self._child.send_signal(number)

    def last_words(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
