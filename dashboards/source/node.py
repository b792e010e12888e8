"""One node, from the verdict down to the cause."""

from .common import (
    NO_DNS, NO_IPVS, NO_KUBE_PROXY, NO_PROBE, NO_RESTORE, OF_KUBE_PROXY, ONE_NODE, alerts_table,
    annotations, firing, mean_of, of, quantile)
from .grafana import (
    BAD, DASHED, GOOD, MODES, SEVERITIES, YES_OR_NO, bars, by_name, coloured, fixed, query, row,
    stat, steps_of, timeline, timeseries)
from .panels import (
    conntrack_use, lock, losses, nic, propagation, restore_mean, restore_running, sync_duration,
    waiting)

TITLE = "Node"
VARIABLES = ONE_NODE
ANNOTATIONS = annotations("NODE")
SINCE = "now-6h"


def rows():
    yield row("Verdict")
    yield stat(
        "Mode",
        "How this node takes connections to Services to their endpoints.",
        "locale", 'kubecliff_dataplane_mode{NODE, signal="verdict"} == 1', legend="{{mode}}",
        shows="name", overrides=coloured(MODES), empty="Not recognised")
    yield stat(
        "Conflicts",
        "Signs of the mode that contradict one another. Other than 0 for longer than a move takes: "
        "connections meet two sets of rules, or the wrong one.",
        "locale", "sum(kubecliff_dataplane_conflict{NODE})", thresholds=BAD,
        checks=["mode_conflict", "both_iptables_backends"])
    yield stat(
        "Connection tracking used",
        "At 100 % new connections are dropped.",
        "percentunit",
        "kubecliff_conntrack_entries{NODE} / (kubecliff_conntrack_entries_limit{NODE} > 0)",
        thresholds=steps_of("conntrack_use"), decimals=1, checks=["conntrack_use"])
    yield stat(
        "Services",
        "Ports of Services that this node's rules carry.",
        "locale",
        "max(kubecliff_iptables_services{NODE} or kubecliff_nftables_services{NODE} or sum without "
        "(protocol, scheduler) (kubecliff_ipvs_virtual_servers{NODE}))",
        checks=["services_in_iptables"])
    yield stat(
        "A new connection pays",
        "Time that the rules add to the first packet of a connection.",
        "s",
        'max(kubecliff_traversal_floor_seconds{NODE, flow="new"} - ignoring (flow) '
        'kubecliff_traversal_floor_seconds{NODE, flow="established"})', checks=["traversal_time"])
    yield stat(
        "Oldest change that waits",
        "A change of Services or endpoints that kube-proxy knows of and has not written. Minutes: "
        "this node sends connections to pods that are gone.",
        "s", "max(kubecliff_kubeproxy_sync_queued_seconds{NODE})",
        thresholds=steps_of("kubeproxy_sync_queued"), empty=NO_KUBE_PROXY,
        checks=["kubeproxy_sync_queued"])
    yield stat(
        "kube-proxy answers",
        "Whether kube-proxy's own metrics can be read on this node. No: it is gone, or serves them "
        "elsewhere.",
        "none", "kubecliff_kubeproxy_up{NODE}", thresholds=GOOD, mappings=YES_OR_NO, width=4,
        empty=NO_KUBE_PROXY, checks=["kubeproxy_down", "nothing_programmed"])
    yield stat(
        "On the host's network",
        "No: kubecliff counts the rules and connections of its own pod, and nothing below is the "
        "node's.",
        "none", "kubecliff_host_network{NODE}", thresholds=GOOD, mappings=YES_OR_NO, width=4,
        checks=["not_on_host_network"])
    yield stat(
        "Conflicts by kind",
        "Which signs contradict one another; the runbook says what each means.",
        "none", "kubecliff_dataplane_conflict{NODE} == 1", legend="{{kind}}", shows="name",
        thresholds=BAD, width=8, empty="None", checks=["mode_conflict", "both_iptables_backends"])
    yield stat(
        "What traversal was measured on",
        "tracked: all is measured. untracked: nothing walks the nat table. table_full: no probes. "
        "unknown: no privilege or kernel support to look.",
        "none", "kubecliff_traversal_state{NODE} == 1", legend="{{family}}: {{state}}",
        shows="name", width=8, empty="Not measured: --collector.traversal is not on")
    yield bars(
        "How near to each cliff",
        "Share of the way to the critical bound of each check. At 100 % its alert is due. What is "
        "furthest is where to read on.",
        "percentunit", "node_check:kubecliff_cliff:ratio{NODE}", "{{check}}", max=1)
    yield alerts_table(
        "Alerts firing",
        "What Prometheus says of this node now. A click on a name leads to the runbook.",
        f"max by (alertname, severity) ({firing('NODE')})", "Firing", width=6)
    yield timeline(
        "Alerts over time",
        "What came first is most often the cause.",
        "max by (alertname) ("
            + " or ".join(
                (f"{place} * {firing('NODE', of(severity))}"
                    for place, severity in enumerate(SEVERITIES)))
            + ")", "{{alertname}}", width=10, empty="No alert has fired",
        mappings=[(place, *each) for place, each in enumerate(SEVERITIES.items())])

    yield row("Connection tracking")
    yield conntrack_use("NODE")
    yield timeseries(
        "What is tracked",
        "Connections by protocol and state, sampled. Many tcp time_wait: short connections. Many "
        "udp unreplied: questions without an answer. Many tcp established that do not end: clients "
        "that forget to close.",
        "locale",
        query("kubecliff_conntrack_flows{NODE} > 0", "{{protocol}} {{state}}"),
        stacked=True, empty="Not sampled: the table is larger than --collector.conntrack.max-flows")
    yield timeseries(
        "Packets lost",
        "Full: the table has no room. Clash: two packets began one connection at once, mostly DNS. "
        "Evicted: thrown out to make room. Bucket: its list was too long. All but a few clashes "
        "are an outage for somebody.",
        "pps", *losses("NODE"),
        bounds="conntrack_drops", checks=["conntrack_insert_failed", "conntrack_early_drop",
            "conntrack_chain_too_long"])

    yield row("Rules")
    yield timeseries(
        "Services",
        "Ports of Services by where they are programmed. In iptables each makes every new "
        "connection slower; in nftables none does.",
        "locale",
        query("kubecliff_iptables_services{NODE} > 0", "iptables-{{backend}} {{family}}"),
        query("kubecliff_nftables_services{NODE}", "nftables {{family}}"),
        query("sum by (family) (kubecliff_ipvs_virtual_servers{NODE})", "ipvs {{family}}"),
        bounds="services_in_iptables", empty="No Services are programmed here")
    yield timeseries(
        "Rules of the nat table",
        "What a full update writes, and what every update reads.",
        "locale",
        query('kubecliff_iptables_rules{NODE, table="nat"}', "{{backend}} {{family}}"),
        bounds="nat_rules", checks=["rule_growth"])
    yield timeseries(
        "Whose rules",
        "Rules of all tables by the program that owns them. One that grows without end appends and "
        "never removes.",
        "locale",
        query("sum by (owner) (kubecliff_iptables_owner_rules{NODE})", "{{owner}}"),
        stacked=True, checks=["rules_before_services_growth"])
    yield timeseries(
        "Longest walk of a new connection",
        "Rules that a connection to the last Service passes.",
        "locale",
        query("kubecliff_iptables_worst_case_walk_rules{NODE} > 0", "{{backend}} {{family}}"),
        bounds="worst_case_walk", empty="No rules of kube-proxy")
    yield timeseries(
        "Rules before kube-proxy's",
        "Every new connection passes them, whatever it is for, and kube-proxy did not write them. "
        "A few dozen are normal.",
        "locale",
        query("kubecliff_iptables_rules_before_services{NODE}", "{{backend}} {{family}} {{hook}}"),
        bounds="rules_before_services", empty="No rules of kube-proxy")
    yield timeseries(
        "Changes of the rules",
        "How often the rules were found changed. In a busy cluster one a second or so; each is an "
        "update of what stands above.",
        "cps",
        query(
            "sum by (backend, family) "
            "(rate(kubecliff_iptables_ruleset_changes_total{NODE}[$__rate_interval]))",
            "{{backend}} {{family}}"))

    yield timeseries(
        "Elements of nftables sets and maps",
        "What kube-proxy's nftables mode looks connections up in. Grows with Services and "
        "endpoints; and a connection does not feel it; updates do.",
        "locale",
        query("kubecliff_nftables_elements{NODE} > 0", "{{set}} {{family}}"),
        checks=["ruleset_busy"], width=24, height=6,
        empty="kube-proxy is not in nftables mode here")

    yield row("What a new connection pays")
    yield timeseries(
        "Time of a first packet, and of later ones",
        "The first packet of a flow walks the rules, later ones do not: what is between the two "
        "lines is the rules'.",
        "s",
        query("kubecliff_traversal_floor_seconds{NODE}", "{{flow}} {{family}}"),
        bounds="traversal_time")
    yield timeseries(
        "Times as much as a later one",
        "The same as a factor, which leaves out how fast the machine is. About 3 without rules.",
        "suffix: times",
        query(
            'kubecliff_traversal_floor_seconds{NODE, flow="new"} / ignoring (flow) '
            '(kubecliff_traversal_floor_seconds{NODE, flow="established"} > 0)', "{{family}}"),
        bounds="traversal_over_floor")
    yield timeseries(
        "Spent on walking rules",
        "New connections times what each pays. The time is that of the programs that open "
        "connections; no process of its own shows it.",
        "suffix: cores",
        query("sum by (family) (rate(kubecliff_walk_cpu_seconds_total{NODE}[10m]))", "{{family}}"),
        bounds="walk_cores")
    yield timeseries(
        "New connections",
        "Flows that walked kube-proxy's rules, from pods and others (prerouting) and from the node "
        "itself (output).",
        "cps",
        query("sum by (hook) (rate(kubecliff_iptables_new_flows_total{NODE}[$__rate_interval]))",
            "{{hook}}"),
        width=24, height=6, empty="No rules of kube-proxy in iptables")

    yield row("How updates arrive")
    yield restore_mean("NODE")
    yield restore_running("NODE")
    yield waiting("NODE")
    yield propagation("NODE")
    yield timeseries(
        "Runs by result",
        "Each change of Services or endpoints is a run. Failures: kube-proxy tries again with all "
        "rules.",
        "cps",
        query(
            f"sum by (result) "
            f"(rate(kubecliff_restore_runs_total{{NODE, {OF_KUBE_PROXY}}}[$__rate_interval]))",
            "{{result}}"),
        checks=["restore_failures"], empty=NO_RESTORE,
        overrides=coloured(
            {"success": "green", "failure": "red", "killed": "dark-red", "unknown": "text"}))
    yield lock("NODE")

    yield row("kube-proxy")
    yield timeseries(
        "Processor time",
        "kube-proxy is idle where nothing changes. A saw-tooth that reaches a core is a cliff, "
        "even where its mean looks harmless.",
        "suffix: cores",
        query("rate(kubecliff_kubeproxy_cpu_seconds_total{NODE}[$__rate_interval])", "kube-proxy"),
        bounds="kubeproxy_cpu", checks=["kubeproxy_cpu_per_sync"],
        empty="No process of kube-proxy is seen")
    yield sync_duration("NODE")
    yield timeseries(
        "Memory",
        "Of kube-proxy's process. It grows with the number of endpoints in the cluster; steps down "
        "are restarts.",
        "bytes",
        query("kubecliff_kubeproxy_resident_memory_bytes{NODE}", "resident"),
        checks=["kubeproxy_restarts"], empty="No process of kube-proxy is seen")

    yield row("Paths and DNS")
    yield timeseries(
        "Time to connect",
        "By way of the Service, and direct to an endpoint right after. Both grow: the rules, or "
        "the node. Only the Service's: its own chains, or a far endpoint.",
        "s",
        query(mean_of("kubecliff_probe_phase_seconds", 'phase="connect"', "target, path, vantage"),
            "{{target}} {{path}} from {{vantage}}"),
        checks=["service_path"], empty=NO_PROBE)
    yield timeseries(
        "DNS, 95th percentile",
        "An application waits that long before it connects to a name it has not looked up lately, "
        "times the names of the search list. A plateau at 5 s: packets are lost.",
        "s",
        query(
            quantile(0.95, "kubecliff_dns_lookup_seconds_bucket", "server, vantage", window="10m"),
            "{{server}} from {{vantage}}"),
        bounds="dns_slow", checks=["dns_five_seconds"], empty=NO_DNS)
    yield timeseries(
        "Failures",
        "Of requests to targets and of DNS lookups, by what failed.",
        "cps",
        query(
            "sum by (target, path, reason) "
            "(rate(kubecliff_probe_failures_total{NODE}[$__rate_interval])) > 0",
            "{{target}} {{path}}: {{reason}}"),
        query(
            "sum by (server, reason) "
            "(rate(kubecliff_dns_lookup_failures_total{NODE}[$__rate_interval])) > 0",
            "DNS {{server}}: {{reason}}"),
        checks=["service_unreachable", "dns_failing"], empty="No failure")
    yield timeline(
        "Targets reached",
        "The last request to each target, by way of its Service and direct. Only the Service "
        "fails: this node's rules. Both: the target.",
        "kubecliff_probe_success{NODE}", "{{target}} {{path}} from {{vantage}}",
        mappings=[(0, "fails", "red"), (1, "reached", "green")], width=24,
        checks=["service_unreachable"], empty=NO_PROBE)

    yield row("Sockets and network cards", collapsed=True)
    yield timeseries(
        "TCP sockets",
        "Of the node itself. Many in syn_sent: connections that get no answer. Many in time_wait: "
        "short connections, which use up source ports.",
        "locale",
        query("kubecliff_sockets{NODE} > 0", "{{state}}"),
        query('kubecliff_kernel_setting{NODE, setting="net.ipv4.ip_local_port_range"}',
            "source ports"),
        overrides=[by_name("source ports", color=fixed("text"), **DASHED)])
    yield timeseries(
        "Memory of TCP",
        "What is queued in the sockets of all pods. At the limit TCP begins to drop.",
        "bytes",
        query("kubecliff_sockets_memory_bytes{NODE}", "in use"),
        query("kubecliff_sockets_memory_limit_bytes{NODE}", "limit"),
        overrides=[by_name("limit", color=fixed("red"), **DASHED)],
        empty="Told in the node's own network namespace alone")
    yield nic("NODE")
    yield timeseries(
        "Room of tunnels",
        "MTU of the device below, less what the tunnel adds, less the tunnel's own. Below 0 full "
        "packets are fragmented or dropped.",
        "bytes",
        query("kubecliff_tunnel_mtu_headroom_bytes{NODE}", "{{device}} {{kind}}"),
        bounds="tunnel_mtu", min=None, width=24, height=6, empty="No tunnels")

    yield row("IPVS and eBPF, where they are used", collapsed=True)
    yield timeseries(
        "Virtual and real servers",
        "Addresses and ports of Services, and their endpoints.",
        "locale",
        query("sum by (family) (kubecliff_ipvs_virtual_servers{NODE})", "virtual {{family}}"),
        query("sum by (family, state) (kubecliff_ipvs_real_servers{NODE})",
            "real {{state}} {{family}}"),
        empty=NO_IPVS, checks=["ipvs_in_use"])
    yield timeseries(
        "Connections of IPVS",
        "Draining ones hang on endpoints that are gone, and keep them from being removed.",
        "locale",
        query("sum by (state) (kubecliff_ipvs_connections{NODE})", "{{state}}"),
        query("sum(kubecliff_ipvs_draining_connections{NODE})", "draining"),
        empty=NO_IPVS)
    yield timeseries(
        "Full sets and maps",
        "ipsets of kube-proxy, and Cilium's maps. What is full drops Services silently.",
        "percentunit",
        query("kubecliff_ipset_entries{NODE} / (kubecliff_ipset_max_entries{NODE} > 0)", "{{set}}"),
        query(
            "kubecliff_dataplane_map_entries{NODE} / (kubecliff_dataplane_map_max_entries{NODE} > "
            "0)", "{{kind}}"),
        bounds="ipset_use", checks=["ebpf_map_use"],
        empty="No ipsets of kube-proxy, no maps of Cilium")

    yield timeseries(
        "Addresses on the device of IPVS",
        "One for each address of a Service. More than there are virtual servers: some belong to no "
        "Service any more, and this node answers for them.",
        "locale",
        query("kubecliff_ipvs_interface_addresses{NODE}", "{{device}} {{family}}"),
        query("sum by (family) (kubecliff_ipvs_virtual_servers{NODE})",
            "virtual servers {{family}}"),
        bounds="ipvs_interface_addresses", checks=["ipvs_leftover_addresses"], width=24, height=6,
        empty=NO_IPVS)

    yield row("kubecliff itself", collapsed=True)
    yield timeline(
        "Collectors",
        "What could be read. A collector that fails withdraws its figures; /-/ready of the node "
        "says why in words.",
        "kubecliff_collector_success{NODE}", "{{collector}}",
        mappings=[(0, "fails", "red"), (1, "reads", "green")], width=8,
        checks=["collector_failing"])
    yield timeseries(
        "Age of what is served",
        "Since each collector's last complete reading. Minutes are normal for large tables, half "
        "an hour is not.",
        "s",
        query("time() - kubecliff_collector_last_success_timestamp_seconds{NODE}", "{{collector}}"),
        bounds="data_stale")
    yield timeseries(
        "Processor time",
        "By collector. A hundredth of a core each is the budget of those in the background.",
        "suffix: cores",
        query("rate(kubecliff_collector_cpu_seconds_total{NODE}[$__rate_interval])",
            "{{collector}}"),
        stacked=True, decimals=4)
    yield timeline(
        "Alerts as the node itself sees them",
        "With --alerting.config kubecliff judges its own node, and alerts even while Prometheus "
        "cannot reach it.",
        'max by (check) (clamp_max(kubecliff_alert_active{NODE, severity="warning"} > 0, 1) '
        'or 2 * clamp_max(kubecliff_alert_active{NODE, severity="critical"} > 0, 1))',
        "{{check}}", width=8, mappings=[(1, "warning", "orange"), (2, "critical", "red")],
        empty="None has fired, or --alerting.config is not on")
    yield timeseries(
        "Notifications",
        "What kubecliff itself has sent, by receiver, and what it could not hand over yet.",
        "locale",
        query(
            "sum by (receiver, result) "
            "(increase(kubecliff_notifications_total{NODE}[$__rate_interval]))",
            "{{receiver}}: {{result}}"),
        query("kubecliff_notifications_pending{NODE}", "{{receiver}}: waiting"),
        checks=["notifications_failing"], empty="kubecliff alerts by Prometheus alone here")
    yield timeseries(
        "Memory",
        "Resident, of the kubecliff on this node.",
        "bytes",
        query(
            "process_resident_memory_bytes{NODE} and on (instance, job) kubecliff_build_info{NODE}",
            "resident"))
