#include "tests/bench/workload.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::bench {

void use_private_xtables_lock() {
  static const UniqueFd lock{::memfd_create("xtables.lock", MFD_CLOEXEC)};
  const std::string path =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(lock.get());
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has been started
  if (!lock.valid() || ::setenv("XTABLES_LOCKFILE", path.c_str(), 1) != 0) {
    throw std::runtime_error{"cannot make a lock file for the legacy tools"};
  }
}

void load(Backend backend, const test::RulesetShape& shape) {
  tell("loading " + size_text(shape.services, shape.endpoints) + " Services, " +
       std::string{label(backend)});
  must(test::restore(backend, shape.family, test::Ruleset{shape}.restore_input()));
  ::malloc_trim(0);
}

void apply_change(Backend backend, std::string_view text) {
  must(test::restore(backend, Family::ipv4, text, test::Flush::none));
}

nanoseconds cpu_of_save(Backend backend) {
  const std::string tool = test::tool_name(backend, Family::ipv4, "save");
  const test::ToolRun run = must(test::run_tool({tool, "-f", "/dev/null"}));
  if (run.exit_status != 0) {
    throw std::runtime_error{tool + " ended with status " + std::to_string(run.exit_status) + ": " +
                             run.err};
  }
  return run.cpu;
}

void tell(std::string_view what) {
  std::cerr << "bench: " << what << '\n';
}

std::string count_text(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t left = digits.size(); left > 3; left -= 3) {
    digits.insert(left - 3, ",");
  }
  return digits;
}

std::string size_text(int services, int endpoints) {
  return count_text(static_cast<std::uint64_t>(services)) + " x " + std::to_string(endpoints);
}

}  // namespace kubecliff::bench
