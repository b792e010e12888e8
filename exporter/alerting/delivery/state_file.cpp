#include "exporter/alerting/delivery/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::delivery {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "format";
constexpr const char* kOurs = "kubecliff-alerting-1";

Result<void> write_all(int file, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return fail_errno(errno, name);
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  // So that what is renamed is not an empty file after the node's power is gone.
  if (::fsync(file) != 0) {
    return fail_errno(errno, name);
  }
  return {};
}

}  // namespace

StateFile::StateFile(std::filesystem::path path)
    : path_{std::move(path)}, content_{{kFormat, kOurs}} {
  if (path_.empty()) {
    return;
  }
  if (auto found = read()) {
    content_ = std::move(*found);
  } else {
    problem_ = found.error();
  }
}

Result<Json> StateFile::read() const {
  const auto text = read_if_present(path_);
  if (!text) {
    return std::unexpected(text.error());
  }
  if (!*text) {
    return Json{{kFormat, kOurs}};
  }
  Json json = Json::parse(**text, nullptr, /*allow_exceptions=*/false);
  const bool ours = json.is_object() && json.contains(kFormat) && json[kFormat] == kOurs;
  if (!ours) {
    return fail(ErrorKind::malformed, path_.string() +
                                          ": expected what kubecliff wrote there, got something "
                                          "else; it is begun anew");
  }
  return json;
}

Json StateFile::section(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  const auto found = content_.find(name);
  return found != content_.end() && found->is_object() ? *found : Json::object();
}

void StateFile::put(const std::string& name, Json section) {
  const std::lock_guard lock{mutex_};
  const auto known = content_.find(name);
  const bool same = known != content_.end() && *known == section;
  if (same && !problem_) {
    return;
  }
  content_[name] = std::move(section);
  if (path_.empty()) {
    return;
  }
  const auto written = write();
  problem_ = written ? std::nullopt : std::optional{written.error()};
}

std::optional<Error> StateFile::problem() const {
  const std::lock_guard lock{mutex_};
  return problem_;
}

Result<void> StateFile::write() const {
  const std::string made = path_.string() + ".new";
  std::ignore = ::unlink(made.c_str());  // of a process that was killed
  const UniqueFd file{
      ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!file.valid()) {
    return fail_errno(errno, made);
  }
  const std::string text = content_.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (auto written = write_all(file.get(), text, made); !written) {
    std::ignore = ::unlink(made.c_str());
    return written;
  }
  if (std::rename(made.c_str(), path_.c_str()) != 0) {
    return fail_errno(errno, path_.string());
  }
  return {};
}

}  // namespace kubecliff::delivery
