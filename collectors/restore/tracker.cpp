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
    if (!tool) {
      return std::nullopt;
    }
    return Ended{
        .tool = *tool, .outcome = outcome_of(status), .duration = time - unidentified.mapped()};
  }
  const auto extracted = running_.extract(pid);
  if (!extracted) {
    return std::nullopt;
  }
  const Run& run = extracted.mapped();
  const bool end_tells_more =
      run.tool.backend == Backend::unknown && tool && tool->command == run.tool.command;
  Ended ended{.tool = end_tells_more ? *tool : run.tool, .outcome = outcome_of(status)};
  if (run.beginning == Beginning::known) {
    ended.duration = time - run.start;
  }
  return ended;
}

void Tracker::found(std::uint32_t pid, Time start, Tool tool, Beginning beginning) {
  const auto unidentified = unidentified_.extract(pid);
  running_.emplace(pid, unidentified ? Run{.tool = tool, .start = unidentified.mapped()}
                                     : Run{.tool = tool, .start = start, .beginning = beginning});
}

std::optional<Ended> Tracker::gone(std::uint32_t pid) {
  const auto run = running_.extract(pid);
  return run ? std::optional{Ended{.tool = run.mapped().tool}} : std::nullopt;
}

}  // namespace kubecliff::restore
