#include "exporter/commands/evidence.h"

#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "exporter/commands/exit_code.h"
#include "exporter/commands/version.h"
#include "exporter/config/load.h"
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

int refuse(const std::string& message) {
  std::cerr << "kubecliff: evidence: " << message << '\n';
  return kExitBadSettings;
}

// "2026-11-22T22:05:00Z", or without its punctuation, for the name of a file.
enum class TimeForm : std::uint8_t { rfc3339, compact };
std::string time_text(std::time_t time, TimeForm form) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  const std::size_t size =
      form == TimeForm::compact
          ? std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)
          : std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

// `main` blocks these, for the daemon to take them at its leisure. Whoever waits for a bundle may
// want to end it, but not while it is written: something would be left of the file.
void set_signals(int how) {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  pthread_sigmask(how, &signals, nullptr);
}

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

// What is to be done, checked.
struct Job {
  evidence::QuestionPtr question;
  std::string output;
  evidence::BundleFace face;

  [[nodiscard]] bool to_standard_output() const { return output == kStandardOutput; }
};

Job make_job(const EvidenceWords& words, const Settings& settings,
             std::span<const CollectorSpec> specs) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  utsname names{};
  ::uname(&names);
  const bool redacts = words.redact;
  const std::string node{names.nodename};
  // The name of a file is read by others first of all.
  const std::string name =
      evidence::safe_name("kubecliff-evidence-" + (redacts || node.empty() ? "" : node + "-") +
                          time_text(now, TimeForm::compact));
  Job job{.question = std::make_shared<const Question>(
              Question{.settings = settings,
                       .specs = {specs.begin(), specs.end()},
                       .build = build_info(),
                       .depth = words.full ? evidence::Depth::full : evidence::Depth::usual,
                       .redaction = redacts ? Redaction::on : Redaction::off,
                       .url = words.url}),
          .output = words.output_file.empty() ? name + ".tar.gz" : words.output_file,
          .face = {.folder = name,
                   .created = time_text(now, TimeForm::rfc3339),
                   .node = node,
                   .version = version_line(),
                   .time = static_cast<std::uint64_t>(now)}};
  if (words.full) {
    job.face.options.emplace_back("--full");
  }
  if (redacts) {
    job.face.options.emplace_back("--redact");
  }
  if (!words.url.empty()) {
    job.face.options.push_back("--url=" + words.url);
  }
  return job;
}

Result<void> write(Bundle& bundle, const Job& job) {
  if (job.to_standard_output()) {
    return bundle.write([](std::string_view piece) {
      return evidence::write_whole(STDOUT_FILENO, piece, "standard output");
    });
  }
  auto file = evidence::OutputFile::create(job.output);
  if (!file) {
    return std::unexpected(file.error());
  }
  const Result<void> written =
      bundle.write([&file](std::string_view piece) { return file->write(piece); });
  return written ? file->keep() : written;
}

int gather_and_write(const Job& job, const ReportForms& report, bool& left_behind) {
  // Said before the work is done, and again by the writing.
  if (!job.to_standard_output() && ::access(job.output.c_str(), F_OK) == 0) {
    std::cerr << "kubecliff: evidence: " << job.output
              << ": is there already, and is not written over\n";
    return kExitFailure;
  }
  std::vector<Source> sources = evidence::all_sources(job.question);
  if (report) {
    const evidence::QuestionPtr& question = job.question;
    sources.insert(sources.begin(),
                   {.name = "report", .deadline = 10s, .gather = [question, report] {
                      return report(question->settings);
                    }});
  }
  evidence::Asked asked = evidence::ask_sources(std::move(sources), kWithin, tell);
  left_behind = asked.left_behind;

  const bool full = job.question->depth == evidence::Depth::full;
  Bundle bundle{job.face, full ? evidence::kFull : evidence::kUsual, job.question->redaction};
  // A daemon may be asked by the name of its machine.
  bundle.add({.names = {job.question->url}});
  for (Gathered& gathered : asked.gathered) {
    bundle.add(std::move(gathered));
  }
  set_signals(SIG_BLOCK);
  if (const Result<void> written = write(bundle, job); !written) {
    std::cerr << "kubecliff: evidence: " << written.error().message << '\n';
    return kExitFailure;
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
                 std::span<const CollectorSpec> specs, const ReportForms& report) {
  const EvidenceWords& words = line.evidence;
  const std::string_view url = words.url;
  // Who the user is belongs in no command line, and so not in the manifest.
  if (!url.empty() && ((!url.starts_with("http://") && !url.starts_with("https://")) ||
                       url.find('@') != std::string_view::npos)) {
    return refuse("--url: expected http://HOST:PORT or https://HOST:PORT, got \"" + words.url +
                  "\"; see kubecliff --help");
  }
  if (words.output_file == kStandardOutput && ::isatty(STDOUT_FILENO) != 0) {
    return refuse("--output-file=-: standard output is a terminal, and a tar.gz is no text");
  }
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    std::cerr << "kubecliff: " << settings.error().message << '\n';
    return kExitBadSettings;
  }
  set_signals(SIG_UNBLOCK);
  int exit_code = kExitFailure;
  bool left_behind = false;
  try {
    exit_code = gather_and_write(make_job(words, *settings, specs), report, left_behind);
  } catch (const std::exception& error) {
    std::cerr << "kubecliff: evidence: " << error.what() << '\n';
  }
  if (left_behind) {
    (void)std::fflush(nullptr);
    std::_Exit(exit_code);
  }
  return exit_code;
}

}  // namespace kubecliff
