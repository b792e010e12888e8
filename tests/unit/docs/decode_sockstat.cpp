#include "tests/unit/docs/decode_sockstat.h"

#include <cstddef>
#include <optional>
#include <string>

#include "collectors/kernel/procfs.h"

namespace kubecliff::sockstat {
namespace {

std::string_view line_of(std::string_view text, std::string_view protocol) {
  const std::size_t at = text.find(protocol);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = text.substr(at);
  return rest.substr(0, rest.find('\n'));
}

// By name, not by place: kernels add columns.
std::optional<std::uint64_t> figure(std::string_view line, std::string_view name) {
  const std::string key = " " + std::string{name} + " ";
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = line.substr(at + key.size());
  return parse_number<std::uint64_t>(rest.substr(0, rest.find(' ')));
}

}  // namespace

Result<TcpSockets> decode_sockstat(std::string_view text) {
  const std::string_view tcp = line_of(text, "TCP: ");
  const auto in_use = figure(tcp, "inuse");
  const auto orphaned = figure(tcp, "orphan");
  const auto time_wait = figure(tcp, "tw");
  if (!in_use || !orphaned || !time_wait) {
    return fail(ErrorKind::malformed, "no TCP line with inuse, orphan and tw");
  }
  return TcpSockets{.in_use = *in_use, .orphaned = *orphaned, .time_wait = *time_wait};
}

}  // namespace kubecliff::sockstat
