// The parts of the benchmark. Each makes the network namespaces that it works in, so that it needs
// root, leaves nothing behind, and throws std::exception where something could not be measured.
//
// What is compared is measured in the same run, in turns: on a busy machine both lose alike. CPU
// time is that of the thread, or of the process and its children, as the kernel accounts it.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/table.h"

namespace kubecliff::bench {

enum class Effort : std::uint8_t { full, quick };

struct Plan {
  Effort effort = Effort::full;
  std::string program;  // the kubecliff that is run as a process

  // Rounds, or seconds.
  [[nodiscard]] int of(int full, int quick) const { return effort == Effort::full ? full : quick; }
};

// The iptables collector in this process: an unchanged ruleset, one Service changed, everything.
void bench_refresh(const Plan& plan, Table& table);

// The nftables collector in this process, beside both shapes of kube-proxy's nftables mode.
void bench_nftables(const Plan& plan, Table& table);

// The ipvs collector in this process, in an emulated kernel: the modules that it loads stay.
void bench_ipvs(const Plan& plan, Table& table);

// The process beside a ruleset of 10,000 Services: start, memory, CPU when nothing happens.
void bench_process(const Plan& plan, Table& table);

// From a change of the ruleset to /metrics.
void bench_freshness(const Plan& plan, Table& table);

// Sixteen clients that scrape kubecliff, and node_exporter beside it.
void bench_scrape(const Plan& plan, Table& table);

// iptables-restore while kubecliff polls and while it does not.
void bench_writer(const Plan& plan, Table& table);

// The conntrack collectors in this process: inside a scrape, and the dump of every flow.
void bench_conntrack(const Plan& plan, Table& table);
void bench_dataplane(const Plan& plan, Table& table);

// The same beside a ruleset: which flows lead to what is no endpoint any more.
void bench_stale(const Plan& plan, Table& table);

// Services by name, and the addresses with the most flows, as a report reads them.
void bench_inventory(const Plan& plan, Table& table);

// The restore collector in this process: among thousands of other processes, and beside a restore.
void bench_restore(const Plan& plan, Table& table);

// What a new and an established flow pay, against the number of Services.
void bench_traversal(const Plan& plan, Table& table);

// A process that judges its node by all checks, and one that does not.
void bench_alerting(const Plan& plan, Table& table);

}  // namespace kubecliff::bench
