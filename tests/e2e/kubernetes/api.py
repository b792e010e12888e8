"""The Kubernetes API, and the objects that tests write."""

import json
import ssl

from namespaces import HttpsConnection


class ApiError(Exception):
    def __init__(self, status, words):
        super().__init__(f"{status}: {words}")
        self.status = status


class Api:
    """The API as whoever holds the token sees it, from inside a namespace."""

    def __init__(self, namespace, address, port, certificate, token):
        context = ssl.create_default_context(cafile=certificate)
        self._connection = HttpsConnection(namespace, address, port, 30, context)
        self._token = token

    def call(self, method, path, body=None, content_type="application/json"):
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, headers)
            response = self._connection.getresponse()
            text = response.read()
        except OSError:
            self._connection.close()  # the next call connects anew
            raise
        if response.status >= 300:
            raise ApiError(response.status, f"{method} {path}: {text.decode()[:300]}")
        return text.decode()

    def get(self, path):
        return json.loads(self.call("GET", path))

    def post(self, path, body):
        return json.loads(self.call("POST", path, body))

    def patch(self, path, body):
        return json.loads(self.call("PATCH", path, body, "application/merge-patch+json"))

    def delete(self, path):
        self.call("DELETE", path)

    def try_out(self, path, body):
        """As if it were written, with fields that it does not know refused."""
        self.call("PATCH", f"{path}?dryRun=All&fieldManager=e2e&fieldValidation=Strict", body,
                  "application/apply-patch+yaml")

    def is_ready(self):
        try:
            return self.call("GET", "/readyz") == "ok"
        except (OSError, ApiError):
            return False

    # --- kinds

    def versions(self):
        """Of each group the one that it would rather be asked for."""
        groups = self.get("/apis")["groups"]
        return ["v1"] + [group["preferredVersion"]["groupVersion"] for group in groups]

    def resources(self, version):
        """Where those of a version are, and which."""
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return root, self.get(root)["resources"]

    def path_of(self, thing, namespace):
        """Of an object, which is in this namespace where it names none."""
        root, resources = self.resources(thing["apiVersion"])
        resource, = (each for each in resources
                     if each["kind"] == thing["kind"] and "/" not in each["name"])
        metadata = thing["metadata"]
        within = f"/namespaces/{metadata.get('namespace', namespace)}" if resource["namespaced"] else ""
        return f"{root}{within}/{resource['name']}/{metadata['name']}"

    def names(self):
        """Of all objects, with where they are, but for events and what goes with its owner."""
        found = set()
        for version in self.versions():
            root, resources = self.resources(version)
            for resource in resources:
                if "list" in resource["verbs"] and resource["name"] != "events":
                    path = f"{root}/{resource['name']}"
                    found.update((path, metadata.get("namespace"), metadata["name"])
                                 for metadata in (each["metadata"] for each in self.get(path)["items"])
                                 if "ownerReferences" not in metadata)
        return found

    def add_kind(self, version, kind):
        """A kind that takes whatever is written."""
        group, _, version = version.partition("/")
        plural = f"{kind.lower()}s"
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
            "metadata": {
                "name": f"{plural}.{group}",
                # Which groups that end in k8s.io are to have.
                "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"}},
            "spec": {
                "group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                "versions": [{"name": version, "served": True, "storage": True,
                              "schema": {"openAPIV3Schema": schema}}]},
        })

    # --- objects

    def add_node(self, name, address, pod_network):
        self.post("/api/v1/nodes", {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {"podCIDR": pod_network, "podCIDRs": [pod_network]},
            "status": {
                "addresses": [{"type": "InternalIP", "address": address}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        })

    def add_namespace(self, name):
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})

    def add_pod(self, namespace, name, labels, node, address):
        """A pod that runs and is ready: what a kubelet would say of it."""
        self.post(f"/api/v1/namespaces/{namespace}/pods", {
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": node, "containers": [{"name": "main", "image": "none"}]},
        })
        self.set_ready(namespace, name, True, phase="Running", podIP=address,
                       podIPs=[{"ip": address}])

    def set_ready(self, namespace, name, ready, **status):
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        self.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status",
                   {"status": {"conditions": [condition], **status}})

    def add_service(self, namespace, name, selector, ports=None, **spec):
        ports = ports or [{"port": 80, "targetPort": 8080}]
        return self.post(f"/api/v1/namespaces/{namespace}/services", {
            "metadata": {"name": name},
            "spec": {"selector": selector, "ports": ports, **spec},
        })

    def set_load_balancer(self, namespace, name, address):
        self.patch(f"/api/v1/namespaces/{namespace}/services/{name}/status",
                   {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})

    def delete_service(self, namespace, name):
        self.delete(f"/api/v1/namespaces/{namespace}/services/{name}")

    def add_service_account(self, namespace, name):
        self.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})

    def delete_service_account(self, namespace, name):
        self.delete(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")

    def add_role(self, namespace, name, service_account, rules):
        """A Role of these rules, and its binding."""
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        self.post(f"{roles}/roles", {"metadata": {"name": name}, "rules": rules})
        self.post(f"{roles}/rolebindings", {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
        })

    def delete_role(self, namespace, name):
        for kind in ("rolebindings", "roles"):
            self.delete(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kind}/{name}")

    def token_of(self, namespace, service_account, seconds=3600):
        """A token as the kubelet mounts it into a pod; 600 seconds is the least that is given."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        return self.post(path, {"spec": {"expirationSeconds": seconds}})["status"]["token"]

    # --- what the API holds

    def endpoint_slices(self):
        group = self.get("/apis/discovery.k8s.io")["preferredVersion"]["groupVersion"]
        return self.get(f"/apis/{group}/endpointslices")["items"]

    def service_figures(self):
        """What the rules of a node are to hold, by kubecliff's words for it."""
        addresses = {}
        for piece in self.endpoint_slices():
            metadata = piece["metadata"]
            service = metadata.get("labels", {}).get("kubernetes.io/service-name")
            for port in piece.get("ports") or []:
                key = (metadata["namespace"], service, port.get("name") or "")
                addresses.setdefault(key, set()).update(
                    (address, port["port"])
                    for endpoint in piece.get("endpoints") or []
                    if endpoint.get("conditions", {}).get("ready", True)
                    for address in endpoint["addresses"]
                )

        figures = dict.fromkeys(
            ["services", "endpoints", "nodeports", "no_endpoint_rules", "affinity_rules"], 0)
        for service in self.get("/api/v1/services")["items"]:
            metadata, spec = service["metadata"], service["spec"]
            if spec.get("clusterIP") in (None, "None"):
                continue
            for port in spec["ports"]:
                key = (metadata["namespace"], metadata["name"], port.get("name") or "")
                endpoints = len(addresses.get(key, ()))
                node_ports = 1 if port.get("nodePort") else 0
                if endpoints == 0:
                    # One for each address; a NodePort counts as one.
                    figures["no_endpoint_rules"] += \
                        1 + node_ports + len(spec.get("externalIPs") or [])
                    continue
                figures["services"] += 1
                figures["endpoints"] += endpoints
                figures["nodeports"] += node_ports
                if spec.get("sessionAffinity") == "ClientIP":
                    figures["affinity_rules"] += endpoints
        return figures
