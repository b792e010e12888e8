#include "exporter/commands/evidence.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "exporter/client/ask_daemon.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/node_alerts.h"
#include "exporter/commands/signals.h"
#include "exporter/commands/streams.h"
#include "exporter/commands/version.h"
#include "exporter/config/load.h"
#include "exporter/config/values.h"
#include "exporter/evidence/bundle.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/output.h"
#include "exporter/evidence/sources.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;
using evidence::Bundle;
using evidence::Gathered;
using evidence::Question;
using evidence::Redaction;
using evidence::Source;
using std::chrono::milliseconds;

// Of all that is asked: a bundle that comes late helps nobody.
constexpr milliseconds kWithin = 60s;

constexpr std::string_view kStandardOutput = "-";

std::string milliseconds_text(milliseconds took) {
  return std::to_string(took.count()) + " ms";
}

void tell(std::string_view source, milliseconds took, const Gathered& gathered) {
  std::cerr << "  " << source << ": " << milliseconds_text(took);
  if (!gathered.missed.empty()) {
    const std::string& reason = gathered.missed.front().reason;
    std::cerr << ", missing: " << evidence::clean(reason)
              << (gathered.missed.size() > 1
                      ? " (and " + std::to_string(gathered.missed.size() - 1) + " more)"
                      : "");
  }
  std::cerr << '\n';
}

// Without whatever may be of a user and a password: that is for the daemon alone.
std::string without_user(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  const std::size_t at = url.rfind('@');
  return at == std::string::npos ? url : url.substr(0, begin) + url.substr(at + 1);
}

// What is to be done, checked.
struct Job {
  evidence::QuestionPtr question;
  std::string output;
  evidence::BundleFace face;

  [[nodiscard]] bool to_standard_output() const { return output == kStandardOutput; }
};

Job make_job(const EvidenceWords& words, const Settings& settings,
             std::span<const CollectorSpec> specs) {
  const auto now = std::chrono::system_clock::now();
  const std::string created = to_utc(now);
  std::string compact = created;
  std::erase_if(compact, [](char character) { return character == '-' || character == ':'; });
  utsname names{};
  ::uname(&names);
  const bool redacts = words.redact;
  const std::string node{names.nodename};
  // The name of a file is read by others first of all.
  const std::string name = evidence::safe_name(
      "kubecliff-evidence-" + (redacts || node.empty() ? "" : node + "-") + compact);
  Job job{.question = std::make_shared<const Question>(
              Question{.settings = settings,
                       .specs = {specs.begin(), specs.end()},
                       .checks = checks_of(settings),
                       .build = build_info(),
                       .depth = words.full ? evidence::Depth::full : evidence::Depth::usual,
                       .redaction = redacts ? Redaction::on : Redaction::off,
                       .url = words.url}),
          .output = words.output_file.empty() ? name + ".tar.gz" : words.output_file,
          .face = {.folder = name,
                   .created = created,
                   .node = node,
                   .version = version_line(),
                   .time = static_cast<std::uint64_t>(std::chrono::system_clock::to_time_t(now))}};
  if (words.full) {
    job.face.options.emplace_back("--full");
  }
  if (redacts) {
    job.face.options.emplace_back("--redact");
  }
  if (!words.url.empty()) {
    job.face.options.push_back("--url=" + without_user(words.url));
  }
  return job;
}

Result<void> write(Bundle& bundle, const Job& job) {
  if (job.to_standard_output()) {
    return bundle.write([](std::string_view piece) {
      return evidence::write_whole(STDOUT_FILENO, piece, "standard output");
    });
  }
  // Whoever waits for a bundle may end it, but not while a file is written: something would be
  // left.
  block_signals();
  auto file = evidence::OutputFile::create(job.output);
  if (!file) {
    return std::unexpected(file.error());
  }
  const Result<void> written =
      bundle.write([&file](std::string_view piece) { return file->write(piece); });
  return written ? file->keep() : written;
}

int gather_and_write(const Job& job, bool& left_behind) {
  // Said before the work is done, and again by the writing.
  if (!job.to_standard_output() && ::access(job.output.c_str(), F_OK) == 0) {
    return refuse("evidence: " + job.output + ": is there already, and is not written over",
                  kExitFailure);
  }
  const std::filesystem::path folder = std::filesystem::path{job.output}.parent_path();
  if (!job.to_standard_output() &&
      ::access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
    return refuse("evidence: " + job.output + ": " + std::generic_category().message(errno) +
                      "; --output-file=FILE names another place, - is standard output",
                  kExitFailure);
  }
  std::vector<Source> sources = evidence::all_sources(job.question);
  evidence::Asked asked = evidence::ask_sources(std::move(sources), kWithin, tell);
  left_behind = asked.left_behind;

  const bool full = job.question->depth == evidence::Depth::full;
  Bundle bundle{job.face, full ? evidence::kFull : evidence::kUsual, job.question->redaction};
  bundle.add({.names = evidence::configured_names(*job.question)});
  for (Gathered& gathered : asked.gathered) {
    bundle.add(std::move(gathered));
  }
  if (const Result<void> written = write(bundle, job); !written) {
    return refuse("evidence: " + written.error().message, kExitFailure);
  }
  std::cerr << "kubecliff: evidence: " << bundle.files() << " files"
            << (bundle.missed().empty() ? ""
                                        : ", " + std::to_string(bundle.missed().size()) +
                                              " things missing (manifest.json says why)")
            << (job.to_standard_output() ? "" : ", in " + job.output) << '\n';
  return kExitOk;
}

}  // namespace

int run_evidence(const CommandLine& line, const SettingTable& table,
                 std::span<const CollectorSpec> specs) {
  const EvidenceWords& words = line.evidence;
  if (!words.url.empty()) {
    if (const auto right = check_daemon_url(words.url); !right) {
      return refuse("evidence: " + right.error().message + "; see kubecliff --help");
    }
  }
  if (words.output_file == kStandardOutput && ::isatty(STDOUT_FILENO) != 0) {
    return refuse(
        "evidence: --output-file=-: standard output is a terminal, and a tar.gz is no text");
  }
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return refuse(settings.error().message);
  }
  int exit_code = kExitFailure;
  bool left_behind = false;
  try {
    exit_code = gather_and_write(make_job(words, *settings, specs), left_behind);
  } catch (const std::exception& error) {
    exit_code = refuse("evidence: " + std::string{error.what()}, kExitFailure);
  }
  if (left_behind) {
    (void)std::fflush(nullptr);
    std::_Exit(exit_code);
  }
  return exit_code;
}

}  // namespace kubecliff
