#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/preflight/checklist.h"
#include "exporter/preflight/needs.h"

namespace kubecliff::preflight {
namespace {

// pkg/proxy/nftables/supported.go.
constexpr Version kNftablesKernel{.major = 5, .minor = 13};
// Cilium's documentation: 5.10, or RHEL 8.10's 4.18; that of older releases: 5.4.
constexpr Version kCiliumKernel{.major = 5, .minor = 10};
constexpr Version kOldCiliumKernel{.major = 5, .minor = 4};
constexpr Version kRhelKernel{.major = 4, .minor = 18};
// net/netfilter/ipvs/ip_vs_core.c: what conn_reuse_mode 1 costs before.
constexpr Version kIpvsReuseKernel{.major = 5, .minor = 9};

bool is_rhel_8(const Facts& facts, const Version& version) {
  return facts.kernel.find(".el8") != std::string::npos && version >= kRhelKernel;
}

void check_version(Target target, const Facts& facts, Checks& checks) {
  const auto version = parse_version(facts.kernel);
  if (!version) {
    add(checks, "kernel", Outcome::unknown, "its version is not understood: " + facts.kernel,
        "compare uname -r with what docs/preflight.md asks for");
    return;
  }
  const auto judge = [&](Outcome outcome, std::string_view about, std::string advice = {}) {
    add(checks, "kernel", outcome, facts.kernel + "; " + std::string{about}, std::move(advice));
  };
  switch (target) {
    case Target::nftables:
      if (*version < kNftablesKernel) {
        judge(Outcome::blocked, "kube-proxy does not start in nftables mode before 5.13",
              "take a newer kernel; where the distribution has carried nftables back to this one, "
              "start kube-proxy with KUBE_PROXY_NFTABLES_SKIP_KERNEL_VERSION_CHECK=1");
      } else {
        judge(Outcome::ok, "5.13 is needed");
      }
      return;
    case Target::ipvs:
      if (*version < kIpvsReuseKernel) {
        judge(
            Outcome::warning,
            "before 5.9 a source port that is used again waits a second, or goes to an endpoint "
            "that is gone",
            "take a newer kernel; kubecliff_ipvs_setting{setting=\"conn_reuse_mode\"} tells which "
            "of the two it is");
      } else {
        judge(Outcome::ok, "5.9 or later is best");
      }
      return;
    case Target::ebpf:
      break;
  }
  if (*version >= kCiliumKernel) {
    judge(Outcome::ok, "Cilium needs 5.10");
  } else if (*version >= kOldCiliumKernel || is_rhel_8(facts, *version)) {
    judge(Outcome::warning, "Cilium needs 5.10, or RHEL 8.10's; older releases of it needed less",
          "compare with the system requirements of the Cilium that is to be installed");
  } else {
    judge(Outcome::blocked, "no supported Cilium runs before 5.4", "take a newer kernel");
  }
}

void check_module(const Need& need, ModuleState state, Checks& checks) {
  const std::string module{need.feature.module};
  const std::string id = "module/" + module;
  const std::string purpose = " (" + std::string{need.purpose} + ")";
  const bool must = need.weight == Need::Weight::must;
  const Outcome missing = must ? Outcome::blocked : Outcome::warning;
  switch (state) {
    case ModuleState::loaded:
      add(checks, id, Outcome::ok, "loaded" + purpose);
      return;
    case ModuleState::built_in:
      add(checks, id, Outcome::ok, "built in" + purpose);
      return;
    case ModuleState::loadable:
      add(checks, id, Outcome::ok, "can be loaded" + purpose);
      return;
    case ModuleState::not_installed:
      add(checks, id, missing, "not installed" + purpose,
          "install the rest of this kernel's modules: linux-modules-extra, kernel-modules-extra");
      return;
    case ModuleState::not_built:
      add(checks, id, missing, "this kernel was built without it" + purpose, "take another kernel");
      return;
    case ModuleState::unknown:
      break;
  }
  add(checks, id, must ? Outcome::unknown : Outcome::note,
      "not loaded, and nothing tells whether it could be" + purpose,
      "mount the node's /lib/modules, or look there: modprobe --dry-run " + module);
}

ModuleState state_of(const Facts& facts, const Need& need) {
  const auto found = facts.modules.find(need.feature.module);
  return found == facts.modules.end() ? ModuleState::unknown : found->second;
}

// Whatever the scheduler is, its module may be one that is needed besides.
void check_scheduler(const Facts& facts, Checks& checks) {
  const auto& told = facts.kube_proxy.settings;
  const std::string scheduler{told && told->scheduler ? *told->scheduler : kDefaultScheduler};
  const auto need = need_of_scheduler(scheduler);
  if (!need) {
    add(checks, "kube-proxy/scheduler", Outcome::blocked,
        "the kernel has no scheduler of the name " + scheduler,
        "correct ipvs.scheduler in kube-proxy's configuration");
    return;
  }
  add(checks, "kube-proxy/scheduler", Outcome::ok,
      scheduler + (told && told->scheduler ? ", by " + facts.kube_proxy.settings_from
                                           : std::string{", kube-proxy's default"}));
  std::erase_if(checks, [&need](const Check& check) {
    return check.id == "module/" + std::string{need->feature.module};
  });
  check_module(*need, state_of(facts, *need), checks);
}

void check_mount(std::string_view id, std::optional<Mount> mount, std::string_view what,
                 Checks& checks) {
  const std::string subject{what};
  if (!mount) {
    add(checks, std::string{id}, Outcome::note, subject + ": cannot be looked at");
    return;
  }
  switch (*mount) {
    case Mount::there:
      add(checks, std::string{id}, Outcome::ok, subject + ": mounted");
      return;
    case Mount::not_there:
      add(checks, std::string{id}, Outcome::note,
          subject + ": not mounted here; Cilium mounts one where the node has none");
      return;
    case Mount::not_in_kernel:
      break;
  }
  add(checks, std::string{id}, Outcome::blocked, subject + ": this kernel was built without it",
      "take another kernel");
}

// It is the host's nft that kube-proxy asks the kernel's version for: one that is older than the
// rules of kube-proxy's breaks on them (kubernetes issue 122743).
void check_host_nft(const Facts& facts, Checks& checks) {
  if (facts.host_has_nft == false) {
    add(checks, "tool/host-nft", Outcome::ok, "the host has no nft that newer rules could break");
    return;
  }
  add(checks, "tool/host-nft", Outcome::note,
      facts.host_has_nft ? "the host has an nft, whose version is not seen"
                         : "whether the host has an nft is not seen",
      "run nft --version on the node: before 1.0.1 it breaks on kube-proxy's rules");
}

}  // namespace

void check_kernel(Target target, const Facts& facts, Checks& checks) {
  check_version(target, facts, checks);
  for (const Need& need : needs_of(target)) {
    check_module(need, state_of(facts, need), checks);
  }
  switch (target) {
    case Target::ipvs:
      check_scheduler(facts, checks);
      return;
    case Target::nftables:
      check_host_nft(facts, checks);
      return;
    case Target::ebpf:
      check_mount("mount/bpf", facts.bpf_fs, "the file system of eBPF objects", checks);
      check_mount("mount/cgroup2", facts.cgroup2, "cgroup v2", checks);
      return;
  }
}

}  // namespace kubecliff::preflight
