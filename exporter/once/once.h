// Once: this node's collectors, asked here and now by a command that ends. No daemon, no thread.
//
// Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/config/settings.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

class Once {
 public:
  // Makes the collectors of `names` that are on, in the order of `specs`, or all that are on. What
  // cannot be made, or is named and not on, is among the failures.
  Once(const Settings& settings, std::span<const CollectorSpec> specs,
       std::span<const std::string_view> names = {});
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;
  ~Once();

  // Asks each once and waits for it. Takes as long as their first refresh, some 0.5 s for 5,000
  // Services, and up to 10 s where kube-proxy accepts connections and does not answer; later calls
  // only what has changed. A snapshot for each collector that has something to say.
  [[nodiscard]] std::vector<SnapshotPtr> ask();

  // For so long collectors take in what happens; no longer those that throw at it.
  void wait(Duration duration);

  // What the last ask() could not read, "collector NAME: why".
  [[nodiscard]] std::vector<std::string> failures() const;

  // What the collectors have told each other.
  [[nodiscard]] const DataplaneSigns& signs() const { return *context_.dataplane_signs; }

 private:
  struct Asked;

  void make(const CollectorSpec& spec, const Options& options);

  CollectorContext context_;  // but for the options
  std::vector<std::string> not_made_;
  std::vector<Asked> asked_;
};

}  // namespace kubecliff
