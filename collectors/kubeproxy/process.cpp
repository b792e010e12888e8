#include "collectors/kubeproxy/process.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace kubecliff::kubeproxy {
namespace {

constexpr std::chrono::seconds kSearchEvery{30};
// A process that ended is most often on its way back.
constexpr std::chrono::seconds kHurryFor{60};

// The names that a process of kube-proxy's has.
bool may_be_kube_proxy(std::string_view name) {
  return name.starts_with("kube-proxy") || name.starts_with("hyperkube");
}

std::string_view take_argument(std::string_view& cmdline) {
  const std::string_view argument = cmdline.substr(0, cmdline.find('\0'));
  cmdline.remove_prefix(std::min(argument.size() + 1, cmdline.size()));
  return argument;
}

}  // namespace

bool is_kube_proxy(std::string_view cmdline) {
  std::string_view program = take_argument(cmdline);
  program.remove_prefix(program.rfind('/') + 1);  // none: npos + 1 is 0
  if (program != "hyperkube") {
    return program.starts_with("kube-proxy");
  }
  const std::string_view component = take_argument(cmdline);
  return component == "kube-proxy" || component == "proxy";
}

Result<std::optional<KubeProxyProcess::Usage>> KubeProxyProcess::look(Clock::time_point now) {
  if (known_) {
    if (const std::optional<Usage> usage = read_known()) {
      return usage;
    }
    known_.reset();
    stat_.reset();
    next_search_ = now;
    hurry_until_ = now + kHurryFor;
  }
  if (now < next_search_) {
    return std::nullopt;
  }
  next_search_ = now + (now < hurry_until_ ? std::chrono::seconds{0} : kSearchEvery);

  const Result<std::optional<Candidate>> found = search();
  if (!found) {
    next_search_ = now;
    return std::unexpected(found.error());
  }
  if (!*found) {
    return std::nullopt;
  }
  known_ = *found;
  stat_.emplace(procfs_ / std::to_string(known_->pid) / "stat");
  // Found again after it could not be read for once, it is still the same.
  const auto last_start = std::exchange(last_start_, known_->start);
  restarts_ += last_start && *last_start != known_->start ? 1U : 0U;
  return read_known();
}

// A process number is used again, a start is not.
std::optional<KubeProxyProcess::Usage> KubeProxyProcess::read_known() {
  const Result<std::string_view> text = stat_->read();
  const auto stat = text ? decode_process_stat(*text) : std::nullopt;
  if (!stat || stat->start != known_->start || stat->state == 'Z' || stat->state == 'X') {
    return std::nullopt;
  }
  return Usage{.cpu = stat->cpu, .children_cpu = stat->children_cpu, .start = stat->start};
}

std::optional<std::uint64_t> KubeProxyProcess::resident_bytes() const {
  if (!known_) {
    return std::nullopt;
  }
  const Result<std::string> text = read_file(procfs_ / std::to_string(known_->pid) / "statm");
  const auto memory = text ? decode_process_memory(*text) : std::nullopt;
  return memory ? std::optional{memory->resident_bytes} : std::nullopt;
}

Result<std::optional<KubeProxyProcess::Candidate>> KubeProxyProcess::search() const {
  std::optional<Candidate> oldest;
  std::size_t candidates = 0;
  bool unsure = false;
  const Result<void> visited =
      visit_processes(procfs_, [&](std::uint32_t pid, std::string_view name) {
        const auto found = may_be_kube_proxy(name) ? candidate(pid) : std::nullopt;
        if (!found) {
          return;
        }
        ++candidates;
        unsure |= !found->ours;
        if (!oldest || found->start < oldest->start) {
          oldest = found;
        }
      });
  if (!visited) {
    return std::unexpected(visited.error());
  }
  if (unsure && candidates > 1) {
    return fail(ErrorKind::denied,
                "several processes are kube-proxy, and which is in this network cannot be seen "
                "(needs CAP_SYS_PTRACE)");
  }
  return oldest;
}

std::optional<KubeProxyProcess::Candidate> KubeProxyProcess::candidate(std::uint32_t pid) const {
  const std::filesystem::path folder = procfs_ / std::to_string(pid);
  const Result<std::string> cmdline = read_file(folder / "cmdline");
  const Result<std::string> text = read_file(folder / "stat");
  const auto stat = text ? decode_process_stat(*text) : std::nullopt;
  if (!cmdline || !is_kube_proxy(*cmdline) || !stat) {
    return std::nullopt;
  }
  // Nodes that are containers share a machine, and a view from outside shows the kube-proxy of
  // each. Without the right to look, the only one is taken for ours.
  std::error_code ours_unknown;
  std::error_code its_unknown;
  const auto ours = std::filesystem::read_symlink("/proc/thread-self/ns/net", ours_unknown);
  const auto its = std::filesystem::read_symlink(folder / "ns" / "net", its_unknown);
  if (!ours_unknown && !its_unknown && ours != its) {
    return std::nullopt;
  }
  return Candidate{
      .pid = pid, .start = stat->start, .ours = its_unknown != std::errc::permission_denied};
}

}  // namespace kubecliff::kubeproxy
