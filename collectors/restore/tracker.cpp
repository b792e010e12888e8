#include "collectors/restore/tracker.h"

#include <sys/wait.h>

namespace kubecliff::restore {

Outcome outcome_of(int status) {
  if (WIFSIGNALED(status)) {
    return Outcome::killed;
  }
  return WEXITSTATUS(status) == 0 ? Outcome::success : Outcome::failure;
}

void Tracker::exec(std::uint32_t pid, Time time, const std::optional<Tool>& tool) {
  unidentified_.erase(pid);
  running_.erase(pid);
  if (tool) {
    running_.emplace(pid, Run{.tool = *tool, .start = time});
  }
}

void Tracker::exec_unidentified(std::uint32_t pid, Time time) {
  running_.erase(pid);
  unidentified_.insert_or_assign(pid, time);
}

std::optional<Ended> Tracker::exit(std::uint32_t pid, Time time, int status,
                                   const std::optional<Tool>& tool) {
  if (const auto unidentified = unidentified_.extract(pid); unidentified) {
    return tool ? std::optional{Ended{.tool = *tool,
                                      .outcome = outcome_of(status),
                                      .duration = time - unidentified.mapped()}}
                : std::nullopt;
  }
  const auto run = running_.extract(pid);
  if (!run) {
    return std::nullopt;
  }
  return Ended{
      .tool = run.mapped().tool,
      .outcome = outcome_of(status),
      .duration = run.mapped().seen ? std::optional{time - run.mapped().start} : std::nullopt};
}

void Tracker::found(std::uint32_t pid, Time start, Tool tool) {
  running_.emplace(pid, Run{.tool = tool, .start = start, .seen = false});
}

std::optional<Ended> Tracker::gone(std::uint32_t pid) {
  const auto run = running_.extract(pid);
  return run ? std::optional{Ended{.tool = run.mapped().tool}} : std::nullopt;
}

}  // namespace kubecliff::restore
