// Whether the running kernel has a piece of code, found out without making it load that piece:
// sending the first nfnetlink message of a subsystem, or opening the first socket of a netlink
// protocol, loads modules.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace kubecliff {

enum class FeatureState : std::uint8_t {
  present,     // built in, or its module is loaded
  not_loaded,  // a module that is not loaded, as far as can be told
  not_built,   // this kernel does not have it
};

// A module of that name is loaded, or built in and has parameters. One look into sysfs.
[[nodiscard]] bool module_loaded(std::string_view module,
                                 const std::filesystem::path& sysfs = "/sys");

struct Feature {
  std::string_view module;  // "nf_tables"
  std::string_view config;  // "CONFIG_NF_TABLES"; where a kernel never names it, `older_config`
  std::string_view symbol;  // a function of it, as /proc/kallsyms names it: "nf_tables_newtable"
  std::string_view older_config = {};
};

// Where a module stands on this node.
enum class ModuleState : std::uint8_t {
  loaded,
  built_in,
  loadable,       // its file is there
  not_installed,  // the kernel was built with it as a module, whose file is not there
  not_built,
  unknown,  // not loaded, and nothing that could be read says more
};

// The code is there, or comes when somebody asks for it.
[[nodiscard]] constexpr bool ready(ModuleState state) {
  return state <= ModuleState::loadable;
}

// Of each feature. Looks, cheapest first and once for all of them, in sysfs for the loaded module,
// in /proc/config.gz, in modules.builtin and modules.dep of the running release, and in
// /proc/kallsyms. May take some 50 ms: once, and not in every refresh.
[[nodiscard]] std::vector<ModuleState> find_modules(std::span<const Feature> features,
                                                    const std::filesystem::path& procfs,
                                                    const std::filesystem::path& sysfs = "/sys");

// The same of one of them, as those ask who only want to know whether it is there. Where nothing
// can be read the answer is not_loaded.
[[nodiscard]] FeatureState find_feature(const Feature& feature, const std::filesystem::path& procfs,
                                        const std::filesystem::path& sysfs = "/sys");

// The same question again and again: modules come and go. The first look that does not find the
// module loaded is a thorough one, every other is one look into sysfs. Not thread-safe.
class FeatureWatch {
 public:
  FeatureWatch(const Feature& feature, std::filesystem::path procfs,
               std::filesystem::path sysfs = "/sys");
  FeatureState look();

 private:
  Feature feature_;
  std::filesystem::path procfs_;
  std::filesystem::path sysfs_;
  std::optional<FeatureState> without_module_;  // where sysfs shows no module of that name
};

}  // namespace kubecliff
