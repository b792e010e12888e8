#include "collectors/kernel/kernel_feature.h"

#include <sys/utsname.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace kubecliff {
namespace {

namespace fs = std::filesystem;

// "CONFIG_X=y", "CONFIG_X=m" or "# CONFIG_X is not set"; nothing for a line about something else.
std::optional<FeatureState> configured(std::string_view line, std::string_view option) {
  if (line.starts_with("# ")) {
    line.remove_prefix(2);
  }
  if (option.empty() || !line.starts_with(option)) {
    return std::nullopt;
  }
  line.remove_prefix(option.size());
  if (line.starts_with(" is not set")) {
    return FeatureState::not_built;
  }
  if (line.starts_with("=y")) {
    return FeatureState::present;
  }
  return line.starts_with("=m") ? std::optional{FeatureState::not_loaded} : std::nullopt;
}

// What the build configuration says, where the kernel shows it (CONFIG_IKCONFIG_PROC).
std::optional<FeatureState> from_config(const fs::path& path, const Feature& feature) {
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  const std::unique_ptr<gzFile_s, Close> file{gzopen(path.c_str(), "re")};
  if (!file) {
    return std::nullopt;
  }
  std::optional<FeatureState> older;
  std::array<char, 512> buffer{};
  while (gzgets(file.get(), buffer.data(), buffer.size()) != nullptr) {
    const std::string_view line{buffer.data()};
    if (const auto state = configured(line, feature.config)) {
      return state;
    }
    if (const auto state = configured(line, feature.older_config)) {
      older = state;
    }
  }
  return older.value_or(FeatureState::not_built);
}

enum class Listed : std::uint8_t { unreadable, no, yes };

Listed listed(const fs::path& path, std::string_view module) {
  std::ifstream file{path};
  if (!file) {
    return Listed::unreadable;
  }
  // "kernel/net/netfilter/nf_tables.ko[.xz]", and in modules.dep a colon and what it depends on.
  const std::string name = '/' + std::string{module} + ".ko";
  for (std::string line; std::getline(file, line);) {
    if (std::string_view{line}.substr(0, line.find(':')).contains(name)) {
      return Listed::yes;
    }
  }
  return Listed::no;
}

std::optional<FeatureState> from_modules_directory(std::string_view module) {
  utsname names{};
  if (::uname(&names) < 0) {
    return std::nullopt;
  }
  const fs::path directory = fs::path{"/lib/modules"} / names.release;
  const Listed builtin = listed(directory / "modules.builtin", module);
  if (builtin == Listed::yes) {
    return FeatureState::present;
  }
  const Listed loadable = listed(directory / "modules.dep", module);
  if (loadable == Listed::yes) {
    return FeatureState::not_loaded;
  }
  if (builtin == Listed::no && loadable == Listed::no) {
    return FeatureState::not_built;
  }
  return std::nullopt;
}

bool symbol_known(const fs::path& path, std::string_view symbol) {
  std::ifstream file{path};
  // "0000000000000000 t nf_tables_newtable\t[nf_tables]": the names show even where addresses do
  // not.
  for (std::string line; std::getline(file, line);) {
    const std::string_view text{line};
    const std::size_t at = text.find(symbol);
    if (at != std::string_view::npos && at > 0 && text[at - 1] == ' ') {
      const std::string_view rest = text.substr(at + symbol.size());
      if (rest.empty() || rest.starts_with('\t')) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool module_loaded(std::string_view module, const fs::path& sysfs) {
  std::error_code ignored;
  return fs::exists(sysfs / "module" / module, ignored);
}

FeatureState find_feature(const Feature& feature, const fs::path& procfs, const fs::path& sysfs) {
  if (module_loaded(feature.module, sysfs)) {
    return FeatureState::present;
  }
  if (const auto state = from_config(procfs / "config.gz", feature)) {
    return *state;
  }
  if (const auto state = from_modules_directory(feature.module)) {
    return *state;
  }
  if (symbol_known(procfs / "kallsyms", feature.symbol)) {
    return FeatureState::present;
  }
  std::error_code ignored;
  const bool takes_modules = fs::exists(procfs / "modules", ignored);
  return takes_modules ? FeatureState::not_loaded : FeatureState::not_built;
}

FeatureWatch::FeatureWatch(const Feature& feature, fs::path procfs, fs::path sysfs)
    : feature_{feature}, procfs_{std::move(procfs)}, sysfs_{std::move(sysfs)} {}

FeatureState FeatureWatch::look() {
  if (without_module_ != FeatureState::present && module_loaded(feature_.module, sysfs_)) {
    without_module_ = FeatureState::not_loaded;  // what is a module may go
    return FeatureState::present;
  }
  if (!without_module_) {
    without_module_ = find_feature(feature_, procfs_, sysfs_);
  }
  return *without_module_;
}

}  // namespace kubecliff
