#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/dataplane/requirements.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/kernel_log.h"
#include "exporter/evidence/recommended.h"
#include "exporter/preflight/root_file.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;

// "PRETTY_NAME="Debian GNU/Linux 12"" of /etc/os-release.
std::string pretty_name(std::string_view text) {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(kKey)) {
      line.remove_prefix(kKey.size());
      if (line.size() >= 2 && line.front() == '"' && line.back() == '"') {
        line = line.substr(1, line.size() - 2);
      }
      return clean(line);
    }
  }
  return {};
}

Gathered gather_versions(const Question& question) {
  constexpr std::size_t kMostRelease = std::size_t{16} << 10U;
  Gathered gathered;
  utsname names{};
  ::uname(&names);
  Json json{{"kubecliff",
             {{"version", question.build.version},
              {"revision", question.build.revision},
              {"compiler", question.build.compiler}}},
            {"kernel",
             {{"release", names.release}, {"version", names.version}, {"machine", names.machine}}},
            {"cpus", ::get_nprocs()}};
  // The node's own, where a container may look.
  const std::filesystem::path root = question.settings.procfs / "1" / "root";
  if (const auto release = preflight::read_below(root, "etc/os-release", kMostRelease)) {
    json["distribution"] = pretty_name(*release);
  } else {
    gathered.missed.push_back(
        {.name = "kernel/versions.json: distribution", .reason = release.error().message});
  }
  gathered.releases.emplace_back(names.release);
  gathered.files.push_back({.name = "kernel/versions.json", .content = json.dump(2) + "\n"});
  return gathered;
}

Gathered gather_load(const Question& question) {
  constexpr std::array<std::string_view, 7> kFiles{
      "uptime", "loadavg", "pressure/cpu", "pressure/memory", "pressure/io", "meminfo", "stat"};
  Gathered gathered;
  std::string content;
  for (const std::string_view file : kFiles) {
    const auto text = read_file(question.settings.procfs / file);
    if (!text) {
      gathered.missed.push_back(
          {.name = "kernel/load.txt: " + std::string{file}, .reason = text.error().message});
      continue;
    }
    content += "==> " + std::string{file} + " <==\n";
    // Of stat what all processors did; its lines are long where there are many interrupts.
    content += file == "stat" ? text->substr(0, text->find("\nintr") + 1) : *text;
    content += '\n';
  }
  gathered.files.push_back({.name = "kernel/load.txt", .content = std::move(content)});
  return gathered;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\n") + 1);
  std::ranges::replace(text, '\t', ' ');
  return clean(text);
}

Gathered gather_settings(const Question& question) {
  Gathered gathered;
  Lines lines{kUsual.file};
  const std::filesystem::path sys = question.settings.procfs / "sys";
  const auto read = [&](std::string_view setting) -> std::optional<std::string> {
    std::string path{setting};
    std::ranges::replace(path, '.', '/');
    const auto text = read_if_present(sys / path);
    if (!text) {
      gathered.missed.push_back({.name = "kernel/settings.jsonl: " + std::string{setting},
                                 .reason = text.error().message});
      return std::nullopt;
    }
    return *text ? std::optional{trimmed(**text)} : std::nullopt;
  };
  const auto add = [&](const Recommendation& recommendation) -> std::string {
    const auto value = read(recommendation.setting);
    if (!value) {
      return {};
    }
    Json json{{"setting", recommendation.setting}, {"value", *value}};
    if (recommendation.least) {
      json["at_least"] = *recommendation.least;
    }
    if (recommendation.most) {
      json["at_most"] = *recommendation.most;
    }
    if (const auto ok = follows(recommendation, *value)) {
      json["follows"] = *ok;
      json["why"] = recommendation.why;
    }
    lines.add(json);
    return *value;
  };

  const std::string limit =
      add({.setting = "net.netfilter.nf_conntrack_max",
           .least = recommended_flows(::get_nprocs()),
           .why = "what kube-proxy sets: 32,768 for each processor, at least 131,072"});
  add({.setting = "net.netfilter.nf_conntrack_buckets",
       .least = parse_number<std::int64_t>(limit).value_or(0) / 4,
       .why = "a quarter of nf_conntrack_max: longer chains cost every new flow"});
  for (const Recommendation& recommendation : recommendations()) {
    add(recommendation);
  }
  gathered.files.push_back({.name = "kernel/settings.jsonl", .content = lines.take()});
  return gathered;
}

std::string_view state_text(ModuleState state) {
  switch (state) {
    case ModuleState::loaded:
      return "loaded";
    case ModuleState::built_in:
      return "built in";
    case ModuleState::loadable:
      return "can be loaded";
    case ModuleState::not_installed:
      return "not installed";
    case ModuleState::not_built:
      return "not in this kernel";
    case ModuleState::unknown:
      break;
  }
  return "unknown";
}

Gathered gather_modules(const Question& question) {
  Gathered gathered;
  const auto features = dataplane::required_features();
  const auto states = find_modules(features, question.settings.procfs);
  Lines needed{kUsual.file};
  for (std::size_t i = 0; i < features.size(); ++i) {
    needed.add(Json{{"module", features[i].module}, {"state", state_text(states[i])}});
  }
  gathered.files.push_back({.name = "kernel/modules.jsonl", .content = needed.take()});

  Lines loaded{kUsual.file};
  const auto listed =
      visit_lines(question.settings.procfs / "modules", [&](std::string_view line) -> Result<void> {
        // The last column is where it lies in memory, which helps whoever attacks the node.
        const std::size_t address = line.find(" 0x");
        loaded.add_text(line.substr(0, address));
        return {};
      });
  if (!listed) {
    gathered.missed.push_back({.name = "kernel/modules.txt", .reason = listed.error().message});
    return gathered;
  }
  gathered.files.push_back({.name = "kernel/modules.txt", .content = loaded.take()});
  return gathered;
}

Gathered gather_log(const Question& question) {
  constexpr std::size_t kMostRecords = 200'000;  // that the kernel's buffer can hold, and more
  Gathered gathered;
  const auto miss = [&](std::string reason) {
    gathered.missed.push_back({.name = "kernel/log.txt", .reason = std::move(reason)});
    return std::move(gathered);
  };
  const UniqueFd log{::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  if (!log.valid()) {
    const int error = errno;
    const auto restricted = read_number(question.settings.procfs / "sys/kernel/dmesg_restrict");
    const bool denied = error == EPERM || error == EACCES;
    return miss(denied && restricted.value_or(0) != 0
                    ? "/dev/kmsg: denied: kernel.dmesg_restrict is 1, so it takes CAP_SYSLOG"
                    : fail_errno(error, "/dev/kmsg").error().message);
  }
  std::deque<std::string> lines;
  Names names;
  std::array<char, std::size_t{8} << 10U> record{};  // CONSOLE_EXT_LOG_MAX
  for (std::size_t i = 0; i < kMostRecords; ++i) {
    const ssize_t size = ::read(log.get(), record.data(), record.size());
    if (size < 0 && (errno == EINTR || errno == EPIPE)) {
      continue;  // EPIPE: the record was written over; the next read has the oldest left
    }
    if (size <= 0) {
      if (size < 0 && errno != EAGAIN) {
        gathered.missed.push_back(
            {.name = "kernel/log.txt", .reason = fail_errno(errno, "/dev/kmsg").error().message});
      }
      break;
    }
    if (auto line = log_line({record.data(), static_cast<std::size_t>(size)})) {
      for (const std::string_view name : names_in(*line)) {
        names.add(name);
      }
      lines.push_back(std::move(*line));
      if (lines.size() > kLogLines) {
        lines.pop_front();
      }
    }
  }
  std::string content;
  for (const std::string& line : lines) {
    content += line + '\n';
  }
  gathered.names = names.take();
  gathered.files.push_back({.name = "kernel/log.txt", .content = std::move(content)});
  return gathered;
}

}  // namespace

void add_kernel_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  using Gather = Gathered (*)(const Question&);
  for (const auto& [name, gather] :
       {std::pair<std::string_view, Gather>{"versions", gather_versions},
        {"load", gather_load},
        {"settings", gather_settings},
        {"modules", gather_modules},
        {"kernel log", gather_log}}) {
    sources.push_back({.name = std::string{name}, .deadline = 2s, .gather = [question, gather] {
                         return gather(*question);
                       }});
  }
}

}  // namespace kubecliff::evidence
