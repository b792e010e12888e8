// What is done to the kernel around a measurement. Everything here throws where it fails.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/core/result.h"
#include "tests/bench/measure.h"
#include "tests/support/backend.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::bench {

using test::Backend;
using test::Family;

using test::must;

// The legacy tools' lock is the machine's: whoever else works with iptables there would be measured
// too, and held up. From here on this process and the tools it runs have one of their own.
void use_private_xtables_lock();

// Replaces the rules of the backend and gives the memory of the ruleset's text back.
void load(Backend backend, const test::RulesetShape& shape);

// kube-proxy's partial sync.
void apply_change(Backend backend, std::string_view text);

// One iptables-save of everything, into nothing: user and system time.
[[nodiscard]] nanoseconds cpu_of_save(Backend backend);

// Says on standard error what is going on, for the table comes only at the end.
void tell(std::string_view what);

// "10,000", and "10,000 x 5".
[[nodiscard]] std::string count_text(std::uint64_t count);
[[nodiscard]] std::string size_text(int services, int endpoints = 5);

}  // namespace kubecliff::bench
