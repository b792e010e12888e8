// How a report says things, whoever writes it. Pure functions; texts of others as they came.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/report/report.h"

namespace kubecliff::report {

// "12,345", "71.2%", "3m 20s", "0.02 packets/s", "1,203/min".
[[nodiscard]] std::string figure(std::string_view unit, double value);

// "conntrack use", "tunnel mtu (eth0)": what is measured, and the values of the labels that tell it
// from others.
[[nodiscard]] std::string words(const Measure& measure);
[[nodiscard]] std::string words(const Fact& fact);

// "2 critical, 1 warning", or that nothing is exceeded or known.
[[nodiscard]] std::string verdict(const Report& report);

// ", 3 could not be read", where something could not.
[[nodiscard]] std::string unread(const Report& report);

// "iptables-nft, and kube-proxy says iptables".
[[nodiscard]] std::string words(const Mode& mode);

// "rates over the last 2s, asked just now".
[[nodiscard]] std::string covers(const Report& report);

// Whether the second list says nothing that the first has not said.
[[nodiscard]] bool same(const std::vector<ServiceRow>& a, const std::vector<ServiceRow>& b);
[[nodiscard]] bool same(const std::vector<TalkerRow>& a, const std::vector<TalkerRow>& b);

// Without the lists that say nothing that the one before them has not said.
[[nodiscard]] Names without_repeats(Names names);

// The curves as a table: a row that names the columns and tells since when, and for each curve its
// title, the least value, the largest and when that was, and the last. Empty where there are none.
[[nodiscard]] std::vector<std::vector<std::string>> curve_table(const std::vector<Curve>& curves);

// "Flows: 200,000, of them short-lived 150,000".
[[nodiscard]] std::string flows_line(const Names& names);

// "Flows to backends that are gone: 1,203", which may be more than are listed.
[[nodiscard]] std::string stale_title(const Names& names);

// Whether it can be linked to: what a browser fetches, of what RFC 3986 lets an address have.
[[nodiscard]] bool is_web_address(std::string_view text);

// Whether it is worth a line where there is room for few: exceeded, or half way to its first bound
// where that is none of 0.
[[nodiscard]] bool is_near(const Measure& measure);

}  // namespace kubecliff::report
