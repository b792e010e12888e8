"""In kube-proxy's place, as a process: what it serves where each second has an update of 0.3 s."""

import sys
import time

from stand_ins import Server

# kube-proxy's own buckets: 0.001 to 16.384 for its updates, and others for the whole way.
UPDATES = [0.001 * 2**power for power in range(15)]
WHOLE_WAY = [0.25, 0.5, 1, 2, 3, 4, 5, 10, 60, 300]
HISTOGRAMS = {"sync_proxy_rules": UPDATES, "sync_full_proxy_rules": UPDATES,
              "sync_partial_proxy_rules": UPDATES, "network_programming": WHOLE_WAY}
COUNTERS = ("sync_proxy_rules_endpoint_changes_total", "sync_proxy_rules_service_changes_total",
            "sync_proxy_rules_iptables_restore_failures_total",
            "sync_proxy_rules_iptables_partial_restore_failures_total",
            "sync_proxy_rules_nftables_sync_failures_total",
            "iptables_localhost_nodeports_accepted_packets_total")
TOOK = 0.3


def metrics():
    now = int(time.time())
    lines = []
    for name, bounds in HISTOGRAMS.items():
        name = f"kubeproxy_{name}_duration_seconds"
        lines.append(f"# TYPE {name} histogram")
        lines += [f'{name}_bucket{{le="{bound:g}"}} {now if bound >= TOOK else 0}'
                  for bound in bounds]
        lines += [f'{name}_bucket{{le="+Inf"}} {now}', f"{name}_sum {TOOK * now}",
                  f"{name}_count {now}"]
    for name in COUNTERS:
        lines += [f"# TYPE kubeproxy_{name} counter", f"kubeproxy_{name} {now}"]
    gauges = {'sync_proxy_rules_iptables_total{table="nat"}': 5000,
              'sync_proxy_rules_iptables_last{table="nat"}': 40,
              "sync_proxy_rules_last_timestamp_seconds": now,
              "sync_proxy_rules_last_queued_timestamp_seconds": now}
    for series, value in gauges.items():
        lines += [f"# TYPE kubeproxy_{series.split('{')[0]} gauge", f"kubeproxy_{series} {value}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Server(int(sys.argv[1]), {"/metrics": metrics, "/proxyMode": lambda: "iptables",
                              "/healthz": lambda: "ok"}).serve()
