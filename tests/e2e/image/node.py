"""What kubecliff reads of a node, in a network namespace and folders of its own, and pods on it."""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import sys
import time

import settings
from chart import container
from figures import Metrics, count_saved, list_chains
from namespaces import HttpConnection, HttpsConnection, Namespace, Process
from oci import Container

ADDRESS = "10.244.0.1"
SERVICES = 3
# A Service is a rule, and a chain with one endpoint, which is a chain too: as kube-proxy writes it.
RULES = "\n".join([
    "*nat", ":KUBE-SERVICES - [0:0]", "-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES",
    *(f""":KUBE-SVC-{i:016} - [0:0]
:KUBE-SEP-{i:016} - [0:0]
-A KUBE-SERVICES -d 10.96.0.{i + 1}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-{i:016}
-A KUBE-SVC-{i:016} -j KUBE-SEP-{i:016}
-A KUBE-SEP-{i:016} -p tcp -m tcp -j DNAT --to-destination 10.244.0.{i + 1}:8080""" for i in range(SERVICES)),
    "COMMIT", ""])
NFTABLES = """table ip kube-proxy {
  chain service-A { ip daddr 10.96.1.1 tcp dport 80 dnat to 10.244.1.1:8080; }
  map service-ips {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.96.1.1 . tcp . 80 : goto service-A }
  }
  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
  chain nat-output { type nat hook output priority -100; jump services; }
}
"""
IPSET = """create KUBE-CLUSTER-IP hash:ip,port
add KUBE-CLUSTER-IP 10.96.0.1,tcp:80
"""
BPF = "/sys/fs/bpf"
CILIUM = "tc/globals/cilium_lb4_services_v2"


def await_true(what, holds, seconds=10):
    """For what takes a moment; `holds` may fail meanwhile. Gives what it gave."""
    deadline = time.monotonic() + seconds
    error = None
    while time.monotonic() < deadline:
        try:
            if found := holds():
                return found
        except (OSError, RuntimeError) as again:
            error = again
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}" + (f": {error}" if error else ""))


def page(namespace, port, path, tls=None):
    """Status and text of what is answered in the namespace, or here where it is None."""
    where = (namespace, "127.0.0.1", port, 5)
    connection = HttpsConnection(*where, tls) if tls else HttpConnection(*where)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


class Node:
    """Rules of both iptables and of nftables, an ipset, flows, a tunnel, a process of kube-proxy's name.

    With a neighbour the machine is two nodes, as where nodes are containers: there is an older kube-proxy, not ours.
    """

    def __init__(self, name, neighbour=True):
        self._stack = contextlib.ExitStack()
        self._name = name
        self._neighbour = neighbour
        self._state = settings.state / name

    def __enter__(self):
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start(self):
        self.namespace = self._add_namespace(self._name)
        self._pods = self._add_namespace(f"{self._name}-pods")
        self._state.mkdir()
        self.lock = self._state / "xtables.lock"
        self.lock.touch()
        for tool in ("iptables-legacy-restore", "iptables-nft-restore"):
            self.restore(tool)
        self._load("nftables", NFTABLES, "nft", "--file")
        self._load("ipset", IPSET, "ipset", "restore", "-file")
        for port in range(1, 21):
            self.namespace.run("conntrack", "--create", "--protonum=udp", "--timeout=600", "--src=10.1.0.1",
                               "--dst=10.1.0.2", f"--sport={port}", "--dport=53")
        self.namespace.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
                           "netns", self._pods.name)
        for namespace, address in ((self.namespace, ADDRESS), (self._pods, "10.244.0.2")):
            namespace.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
            namespace.run("ip", "link", "set", "eth0", "up")
        self.namespace.run("ip", "link", "add", "tunnel", "mtu", "1400", "type", "vxlan", "id", "1", "dev", "eth0",
                           "dstport", "4789")
        self.namespace.run("ip", "link", "set", "tunnel", "up")
        # Of many names, of which the program is told by the one it is called.
        self.unnamed = self._state / "tools" / "iptables-restore"
        self.unnamed.parent.mkdir()
        self.unnamed.symlink_to("/usr/sbin/xtables-nft-multi")
        (self._state / "bpf").mkdir()
        self._empty = self._state / "empty"
        self._empty.mkdir()
        (self._state / "kube-proxy").symlink_to(sys.executable)
        if self._neighbour:
            self._start_kube_proxy("another-kube-proxy", self._pods)
        self.kube_proxy = self._start_kube_proxy("kube-proxy", self.namespace)

    def _start_kube_proxy(self, name, namespace):
        program = pathlib.Path(__file__).with_name("kube_proxy.py")
        process = Process(name, namespace, [self._state / "kube-proxy", program], settings.logs)
        self._stack.callback(process.kill)
        process.start()
        await_true("kube-proxy answers", lambda: page(namespace, 10249, "/proxyMode")[0] == 200)
        return process

    def _add_namespace(self, name):
        namespace = Namespace(f"{settings.prefix}-{name}")
        self._stack.callback(namespace.delete)
        return namespace

    def _load(self, name, text, *command):
        file = self._state / name
        file.write_text(text)
        self.namespace.run("env", f"XTABLES_LOCKFILE={self.lock}", *command, str(file))

    def restore(self, tool):
        self._load("rules", RULES, str(tool))

    def saved(self, backend):
        """Rules and chains of the table nat, by iptables-save."""
        # Of nft, built-in chains that nobody has needed yet are printed all the same.
        there = list_chains(self.namespace.run("nft", "--json", "list", "chains"))["ipv4"] if backend == "nft" else None
        return count_saved(self.namespace.run(f"iptables-{backend}-save"), there)["nat"]

    def listed(self, kind):
        """How many of them kube-proxy's table of nftables has."""
        objects = json.loads(self.namespace.run("nft", "--json", "list", "table", "ip", "kube-proxy"))["nftables"]
        return sum(kind in each for each in objects)

    @contextlib.contextmanager
    def locked(self):
        """As iptables-legacy holds its lock."""
        with open(self.lock) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def pod(self, name, workload, found, here=False, **more):
        """To be entered. `here`, the node's network is this machine's."""
        spec = workload["spec"]["template"]["spec"]
        namespace = (None if here else self.namespace) if spec.get("hostNetwork") else self._pods
        folders = {"/run/xtables.lock": self.lock, BPF: self._state / "bpf"}
        if not os.path.exists("/lib/modules"):
            folders["/lib/modules"] = self._empty
        # In a mount namespace of the pod's; with the mode that systemd gives it.
        bpf = f"""mount -t bpf -o mode=700 bpf {self._state}/bpf
            mkdir -p {self._state}/bpf/{os.path.dirname(CILIUM)}
            bpftool map create {self._state}/bpf/{CILIUM} type hash key 12 value 12 entries 64 name services"""
        return Pod(namespace, name, workload, found, paths=folders, setup=bpf, **more)


class Pod(Container):
    """A container that serves."""

    def __init__(self, namespace, name, workload, found, **more):
        super().__init__(name, workload, found, f"/run/netns/{namespace.name}" if namespace else None, **more)
        self._namespace = namespace
        self.port = container(workload)["ports"][0]["containerPort"]

    def page(self, path, tls=None):
        if self.has_ended():
            raise AssertionError(f"{self.name} has ended: {self.log}")
        return page(self._namespace, self.port, path, tls)

    def metrics(self, tls=None):
        status, text = self.page("/metrics", tls)
        if status != 200:
            raise RuntimeError(f"/metrics: {status}")
        return Metrics(text)

    def ready(self):
        """Once every collector has started: the words on what fails."""
        return await_true("ready", lambda: self._ready_text())

    def _ready_text(self):
        status, text = self.page("/-/ready")
        return text if status == 200 else None


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
