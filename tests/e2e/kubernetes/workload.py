"""The Services that every test finds in the cluster."""

from chart import CASES, RELEASE

NAMESPACE = "e2e"
ELSEWHERE = CASES["elsewhere"]["canary"]["namespace"]  # where another release's canary would be
SERVICES = 1000
PODS = 5
LABELS = {"app": "many"}


def pod_name(number):
    return f"many-{number}"


def write(cluster):
    """1,000 Services of 5 endpoints each, and one of each kind that has rules of its own."""
    api = cluster.api
    for namespace in (NAMESPACE, RELEASE, ELSEWHERE):
        api.add_namespace(namespace)
    for number in range(PODS):
        node = cluster.nodes[number % len(cluster.nodes)]
        api.add_pod(NAMESPACE, pod_name(number), LABELS, node.name,
                    f"{node.pod_network.removesuffix('.0/24')}.{100 + number}")
    for node in cluster.nodes:
        api.add_pod(NAMESPACE, f"answers-{node.name}", {"answers": node.name}, node.name,
                    node.pod_address)
        api.add_service(NAMESPACE, f"answers-{node.name}", {"answers": node.name})

    api.add_service(NAMESPACE, "node-port", LABELS, type="NodePort")
    api.add_service(NAMESPACE, "sticky", LABELS, sessionAffinity="ClientIP")
    api.add_service(NAMESPACE, "external", LABELS, externalIPs=["192.0.2.1"])
    api.add_service(NAMESPACE, "local", LABELS, type="NodePort", externalTrafficPolicy="Local")
    api.add_service(NAMESPACE, "balanced", LABELS, type="LoadBalancer",
                    loadBalancerSourceRanges=["198.51.100.0/24"])
    api.set_load_balancer(NAMESPACE, "balanced", "192.0.2.3")
    api.add_service(NAMESPACE, "elsewhere", None, type="ExternalName", externalName="example.org")
    api.add_service(NAMESPACE, "headless", LABELS, clusterIP="None")
    api.add_service(NAMESPACE, "ports", LABELS, [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"}])
    api.add_service(NAMESPACE, "empty", {"app": "none"})
    api.add_service(NAMESPACE, "empty-node-port", {"app": "none"}, type="NodePort")
    api.add_service(NAMESPACE, "empty-external", {"app": "none"}, externalIPs=["192.0.2.2"])

    for number in range(SERVICES):
        api.add_service(NAMESPACE, f"many-{number}", LABELS)

    # One endpoint is the API server's.
    endpoints = PODS * selecting(cluster) + len(cluster.nodes) + 1
    cluster.wait_until_written(lambda: api.service_figures()["endpoints"] == endpoints)


def selecting(cluster):
    """How many ports of Services lead to each of the pods."""
    specs = [service["spec"] for service in cluster.api.get("/api/v1/services")["items"]]
    return sum(len(spec["ports"]) for spec in specs
               if spec.get("selector") == LABELS and spec["clusterIP"] != "None")
