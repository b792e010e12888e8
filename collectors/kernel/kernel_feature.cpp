#include "collectors/kernel/kernel_feature.h"

#include <sys/utsname.h>
#include <zlib.h>

#include <algorithm>
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

// How the kernel was built with regard to a feature.
enum class Built : std::uint8_t { in, as_module, not_at_all };

// "CONFIG_X=y", "CONFIG_X=m" or "# CONFIG_X is not set"; nothing for a line about something else.
std::optional<Built> configured(std::string_view line, std::string_view option) {
  if (line.starts_with("# ")) {
    line.remove_prefix(2);
  }
  if (option.empty() || !line.starts_with(option)) {
    return std::nullopt;
  }
  line.remove_prefix(option.size());
  if (line.starts_with(" is not set")) {
    return Built::not_at_all;
  }
  if (line.starts_with("=y")) {
    return Built::in;
  }
  return line.starts_with("=m") ? std::optional{Built::as_module} : std::nullopt;
}

// What the sources say of one feature; nothing where a source cannot be read.
struct Known {
  std::optional<Built> config = {};
  std::optional<Built> older_config = {};
  std::optional<bool> builtin = {};   // modules.builtin lists it
  std::optional<bool> loadable = {};  // modules.dep lists it
  bool symbol = false;
};

using Features = std::span<const Feature>;
using Knowledge = std::vector<Known>;

// What the build configuration says, where the kernel shows it (CONFIG_IKCONFIG_PROC).
void read_config(const fs::path& path, Features features, Knowledge& known) {
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  const std::unique_ptr<gzFile_s, Close> file{gzopen(path.c_str(), "re")};
  if (!file) {
    return;
  }
  // An empty one is hidden from us, as container runtimes do it.
  bool says = false;
  std::array<char, 512> buffer{};
  while (gzgets(file.get(), buffer.data(), buffer.size()) != nullptr) {
    const std::string_view line{buffer.data()};
    says = true;
    for (std::size_t i = 0; i < features.size(); ++i) {
      if (const auto built = configured(line, features[i].config)) {
        known[i].config = built;
      } else if (const auto older = configured(line, features[i].older_config)) {
        known[i].older_config = older;
      }
    }
  }
  if (!says) {
    return;
  }
  for (Known& feature : known) {
    feature.config =
        feature.config ? feature.config : feature.older_config.value_or(Built::not_at_all);
  }
}

// modules.builtin or modules.dep: the module of "kernel/net/netfilter/nf_tables.ko[.xz]", in the
// latter with a colon and what it depends on behind it.
void read_list(const fs::path& path, Features features, std::optional<bool> Known::* listed,
               Knowledge& known) {
  std::ifstream file{path};
  if (!file) {
    return;
  }
  for (Known& feature : known) {
    feature.*listed = false;
  }
  for (std::string line; std::getline(file, line);) {
    std::string_view name{line};
    name = name.substr(0, name.find(':'));
    name = name.substr(name.rfind('/') + 1);
    const std::size_t end = name.find(".ko");
    for (std::size_t i = 0; i < features.size(); ++i) {
      if (end != std::string_view::npos && name.substr(0, end) == features[i].module) {
        known[i].*listed = true;
      }
    }
  }
}

void read_symbols(const fs::path& path, Features features, Knowledge& known) {
  std::ifstream file{path};
  // "0000000000000000 t nf_tables_newtable\t[nf_tables]": the names show even where addresses do
  // not.
  for (std::string line; std::getline(file, line);) {
    std::string_view symbol{line};
    symbol = symbol.substr(0, symbol.find('\t'));
    symbol = symbol.substr(symbol.rfind(' ') + 1);
    for (std::size_t i = 0; i < features.size(); ++i) {
      known[i].symbol |= symbol == features[i].symbol;
    }
  }
}

ModuleState state_of(const Known& known, const fs::path& procfs) {
  if (known.config == Built::in || known.builtin == true) {
    return ModuleState::built_in;
  }
  if (known.config == Built::not_at_all) {
    return ModuleState::not_built;
  }
  if (known.loadable == true) {
    return ModuleState::loadable;
  }
  if (known.config == Built::as_module) {
    return known.loadable ? ModuleState::not_installed : ModuleState::unknown;
  }
  if (known.builtin && known.loadable) {
    return ModuleState::not_built;
  }
  if (known.symbol) {
    return ModuleState::built_in;
  }
  std::error_code ignored;
  return fs::exists(procfs / "modules", ignored) ? ModuleState::unknown : ModuleState::not_built;
}

}  // namespace

bool module_loaded(std::string_view module, const fs::path& sysfs) {
  std::error_code ignored;
  return fs::exists(sysfs / "module" / module, ignored);
}

std::vector<ModuleState> find_modules(std::span<const Feature> features, const fs::path& procfs,
                                      const fs::path& sysfs) {
  std::vector<ModuleState> states(features.size(), ModuleState::unknown);
  std::vector<Feature> rest;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (module_loaded(features[i].module, sysfs)) {
      // What is built in has parameters there, if anything, and no state.
      std::error_code ignored;
      const fs::path state = sysfs / "module" / features[i].module / "initstate";
      states[i] = fs::exists(state, ignored) ? ModuleState::loaded : ModuleState::built_in;
    } else {
      rest.push_back(features[i]);
      places.push_back(i);
    }
  }
  if (rest.empty()) {
    return states;
  }

  Knowledge known(rest.size());
  read_config(procfs / "config.gz", rest, known);
  const bool decided = std::ranges::all_of(known, [](const Known& feature) {
    return feature.config && feature.config != Built::as_module;
  });
  utsname names{};
  if (!decided && ::uname(&names) == 0) {
    const fs::path directory = fs::path{"/lib/modules"} / names.release;
    read_list(directory / "modules.builtin", rest, &Known::builtin, known);
    read_list(directory / "modules.dep", rest, &Known::loadable, known);
  }
  // The longest of them: only where the others do not say.
  if (!known.front().config && !(known.front().builtin && known.front().loadable)) {
    read_symbols(procfs / "kallsyms", rest, known);
  }
  for (std::size_t i = 0; i < rest.size(); ++i) {
    states[places[i]] = state_of(known[i], procfs);
  }
  return states;
}

FeatureState find_feature(const Feature& feature, const fs::path& procfs, const fs::path& sysfs) {
  switch (find_modules(std::span{&feature, 1}, procfs, sysfs).front()) {
    case ModuleState::loaded:
    case ModuleState::built_in:
      return FeatureState::present;
    case ModuleState::not_built:
      return FeatureState::not_built;
    case ModuleState::loadable:
    case ModuleState::not_installed:
    case ModuleState::unknown:
      break;
  }
  return FeatureState::not_loaded;
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
