#include "tests/unit/docs/sockstat.h"

#include <filesystem>
#include <memory>

#include "collectors/kernel/procfs.h"
#include "tests/unit/docs/decode_sockstat.h"

namespace kubecliff::sockstat {
namespace {

constexpr FamilySpec kTcpSockets{
    .name = "kubecliff_sockstat_tcp_sockets",
    .help = "TCP sockets of the node; those in time_wait hold source ports and little else.",
    .labels = {"state"},
    .max_series = 3};

class SockstatCollector final : public Collector {
 public:
  explicit SockstatCollector(const std::filesystem::path& procfs)
      : file_{procfs / "net/sockstat"} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    const auto text = read_file(file_);
    if (!text) {
      return std::unexpected(text.error());
    }
    const auto sockets = decode_sockstat(*text);
    if (!sockets) {
      return prefixed(file_.string(), sockets.error());
    }

    out.add(kTcpSockets, {"in_use"}, static_cast<double>(sockets->in_use));
    out.add(kTcpSockets, {"orphaned"}, static_cast<double>(sockets->orphaned));
    out.add(kTcpSockets, {"time_wait"}, static_cast<double>(sockets->time_wait));
    return RefreshKind::full;
  }

 private:
  std::filesystem::path file_;
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "sockstat",
      .summary = "TCP sockets: in use, orphaned, in time_wait",
      .schedule = Schedule::in_scrape,
      .families = {kTcpSockets},
      .options = {},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<SockstatCollector>(context.procfs);
      },
  };
}

}  // namespace kubecliff::sockstat
