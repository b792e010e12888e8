"""Containers as a node would have them: of a rendered pod, under runc, with what the pod asks for and no more.

What kubelet and containerd add is added here: the downward API, masked paths, the seccomp profile RuntimeDefault.
"""

import json
import pathlib
import platform
import shlex
import shutil
import subprocess
import tempfile
import time

import chart
import settings
from namespaces import run

# By golang-github-containers-common; Docker's and containerd's are of the same origin.
PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MASKED = [f"/proc/{name}" for name in ("acpi", "asound", "kcore", "keys", "latency_stats", "timer_list", "timer_stats",
                                       "sched_debug", "scsi")] + ["/sys/firmware"]
READ_ONLY = [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")]
MOUNTS = [
    ("proc", "/proc", "nosuid", "noexec", "nodev"),
    ("tmpfs", "/dev", "nosuid", "strictatime", "mode=755", "size=65536k"),
    ("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    ("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
    ("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
    ("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"),
]


def seccomp(capabilities):
    """The profile, less its rules for other capabilities and processors."""
    profile = json.loads(PROFILE.read_text())
    machine = platform.machine()
    architecture = f"SCMP_ARCH_{machine.upper()}"

    def holds(rule):
        includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
        return (set(includes.get("caps", ())) <= capabilities and not set(excludes.get("caps", ())) & capabilities
                and ARCHITECTURES[machine] in includes.get("arches", ARCHITECTURES.values())
                and ARCHITECTURES[machine] not in excludes.get("arches", ()))

    related, = (each["subArchitectures"] for each in profile["archMap"] if each["architecture"] == architecture)
    keys = ("names", "action", "args", "errnoRet")
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
            "architectures": [architecture, *related],
            "syscalls": [{key: rule[key] for key in keys if rule.get(key)} for rule in profile["syscalls"]
                         if holds(rule)]}


class Container:
    """kubecliff's container of a workload. The root is the image's; what is written to it ends with the container.

    `network` is the path of the namespace that plays the node's or a pod's, None this machine's. `secrets` are texts by
    Secret and key; `paths` stand for the node's; `setup`, lines of a shell's, mounts there what nobody else sees.
    """

    def __init__(self, name, workload, found, network, secrets=None, paths=None, setup=""):
        self.name = f"{settings.prefix}-{name}"
        self.log = settings.logs / f"{name}.log"
        self._pod = workload["spec"]["template"]["spec"]
        self._its = chart.container(workload)
        self._found, self._network, self._secrets, self._paths = found, network, secrets or {}, paths or {}
        self._setup = setup

    def __enter__(self):
        """Starts it. However we end, it ends too: runc hands the signal on."""
        self._folder = pathlib.Path(tempfile.mkdtemp(dir=settings.state))
        (self._folder / "config.json").write_text(json.dumps(self._config()))
        for folder in ("root", "scratch"):
            (self._folder / folder).mkdir()
        # In a mount namespace of its own, which leaves nothing behind.
        runc = shlex.join(self._runc("run", "--bundle", self._folder, self.name))
        script = f"""cd {self._folder}
            mount -t tmpfs tmpfs scratch
            mkdir scratch/upper scratch/work
            mount -t overlay overlay root \\
              -o lowerdir={settings.root},upperdir=scratch/upper,workdir=scratch/work
            {self._setup}
            exec {runc}"""
        self.started = time.monotonic()
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", "unshare", "--mount", "--propagation=slave", "sh", "-ec", script],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self._child.terminate()
        try:
            self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            subprocess.run(self._runc("delete", "--force", self.name), check=False)
            self._child.wait()
        shutil.rmtree(self._folder)

    def has_ended(self):
        return self._child.poll() is not None

    def pid(self):
        """Here, where all processes are seen."""
        return json.loads(run(*self._runc("state", self.name)))["pid"]

    def exec(self, *command, text=True):
        """As kubelet runs a command in it."""
        return subprocess.run(self._runc("exec", self.name, *command), check=False, capture_output=True, text=text,
                              timeout=30)

    def volume(self, name):
        """The folder of a volume, which the container sees change."""
        return self._folder / "volumes" / name

    def _runc(self, *arguments):
        return ["runc", "--root", str(settings.state / "runc"), *map(str, arguments)]

    def _config(self):
        context = self._pod["securityContext"] | self._its["securityContext"]
        capabilities = {f"CAP_{name}" for name in context["capabilities"].get("add", ())}
        user = context.get("runAsUser", int(settings.config["User"].partition(":")[0]))
        if context.get("runAsNonRoot") and user == 0:
            raise ValueError("runAsNonRoot: kubelet would not start it")
        environment = dict(each.split("=", 1) for each in settings.config["Env"])
        environment |= {each["name"]: self._value(each) for each in self._its.get("env", ())}
        arguments = chart.filled_in(self._its["args"], environment)
        namespaces = [{"type": name} for name in ("mount", "ipc", "uts", "cgroup")]
        namespaces += [] if self._pod.get("hostPID") else [{"type": "pid"}]
        namespaces += [{"type": "network", "path": self._network}] if self._network else []
        linux = {"namespaces": namespaces, "maskedPaths": MASKED, "readonlyPaths": READ_ONLY}
        if context["seccompProfile"]["type"] == "RuntimeDefault":
            linux["seccomp"] = seccomp(capabilities)
        return {
            "ociVersion": "1.0.2",
            "root": {"path": "root", "readonly": context["readOnlyRootFilesystem"]},
            "hostname": "pod",
            "process": {
                "args": settings.config["Entrypoint"] + arguments, "cwd": "/",
                "env": [f"{name}={value}" for name, value in environment.items()],
                "user": {"uid": user, "gid": context.get("runAsGroup", user),
                         "additionalGids": [context["fsGroup"]] if "fsGroup" in context else []},
                # All sets alike, as containerd gives them: exec takes those of another user than 0 away.
                "capabilities": {kind: sorted(capabilities) for kind in ("bounding", "effective", "permitted")},
                "noNewPrivileges": not context["allowPrivilegeEscalation"],
            },
            "mounts": [{"type": kind, "source": kind, "destination": path, "options": list(options)}
                       for kind, path, *options in MOUNTS] + [self._mount(each)
                                                              for each in self._its.get("volumeMounts", ())],
            "linux": linux,
        }

    @staticmethod
    def _value(variable):
        told = {"spec.nodeName": "node-1", "status.hostIP": "127.0.0.1", "status.podIPs": "127.0.0.1"}
        if "valueFrom" in variable:
            return told[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        return variable["value"]

    def _mount(self, mount):
        volume, = (each for each in self._pod["volumes"] if each["name"] == mount["name"])
        propagation = {"HostToContainer": "rslave"}.get(mount.get("mountPropagation"), "rprivate")
        return {"type": "bind", "source": str(self._source(volume)), "destination": mount["mountPath"],
                "options": ["rbind", propagation, "ro" if mount.get("readOnly") else "rw"]}

    def _source(self, volume):
        if "hostPath" in volume:
            path = volume["hostPath"]["path"]
            return self._paths.get(path, path)
        folder = self.volume(volume["name"])
        folder.mkdir(parents=True)
        if "emptyDir" in volume:
            folder.chmod(0o777)
            return folder
        whole = volume.get("projected", volume)
        for source in whole["sources"] if "projected" in volume else [volume]:
            for path, text in self._files(source):
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
                file.chmod(whole.get("defaultMode", 0o644))
        return folder

    def _files(self, source):
        """By path, the texts of a ConfigMap or a Secret."""
        if "configMap" in source:
            its = source["configMap"]
            texts = chart.named("ConfigMap", its["name"], self._found)["data"]
        else:
            its = source["secret"]
            texts = self._secrets[its["name"]]
        items = its.get("items", [{"key": key, "path": key} for key in texts])
        return [(item["path"], texts[item["key"]]) for item in items]
