// KubeProxyProcess: kube-proxy on this node, as /proc shows it. Takes a view of the node's
// processes (hostPID): without it there is none to be found. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::kubeproxy {

// Whether a command line, its arguments ended by NULs, is kube-proxy's: hyperkube is every
// component in one.
[[nodiscard]] bool is_kube_proxy(std::string_view cmdline);

class KubeProxyProcess {
 public:
  explicit KubeProxyProcess(std::filesystem::path procfs) : procfs_{std::move(procfs)} {}

  struct Usage {
    std::chrono::nanoseconds cpu{};
    std::chrono::nanoseconds children_cpu{};
    std::chrono::nanoseconds start{};  // since boot
  };
  // What it has used; nothing where there is none. One read of one file while it is known. All
  // processes are looked through when it ends, with every look for a minute after that, and every
  // half minute later. Of several the oldest in our network namespace counts; denied where several
  // are there and it takes CAP_SYS_PTRACE to see in which.
  [[nodiscard]] Result<std::optional<Usage>> look(Clock::time_point now);

  // Something tells that there is one by now: the next look searches.
  void search_soon() { next_search_ = {}; }

  // Of the one that was seen last; nothing where it is gone.
  [[nodiscard]] std::optional<std::uint64_t> resident_bytes() const;

  // Below procfs; nothing where the last look found none.
  [[nodiscard]] std::optional<std::uint32_t> pid() const {
    return known_ ? std::optional{known_->pid} : std::nullopt;
  }

  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

 private:
  struct Candidate {
    std::uint32_t pid = 0;
    std::chrono::nanoseconds start{};
    bool ours = true;  // as far as we may look
  };

  [[nodiscard]] std::optional<Usage> read_known();
  [[nodiscard]] Result<std::optional<Candidate>> search() const;
  [[nodiscard]] std::optional<Candidate> candidate(std::uint32_t pid) const;

  std::filesystem::path procfs_;
  std::optional<Candidate> known_;
  std::optional<PolledFile> stat_;                      // of the known one
  std::optional<std::chrono::nanoseconds> last_start_;  // of the one before
  std::uint64_t restarts_ = 0;
  Clock::time_point next_search_{};
  Clock::time_point hurry_until_{};
};

}  // namespace kubecliff::kubeproxy
