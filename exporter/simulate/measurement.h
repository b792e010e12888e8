// What a simulation has measured: plain values, which simulate.h fills in and report.h prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/simulate/backend.h"

namespace kubecliff::simulate {

// One figure, measured several times. Seconds, but for connections per second.
struct Figure {
  double median = 0;
  double least = 0;
  double most = 0;
  int times = 0;
};

// Of several measurements; all 0 where there is none.
[[nodiscard]] Figure figure_of(std::span<const double> measured);

enum class Position : std::uint8_t { first, middle, last };
inline constexpr std::array<std::string_view, 3> kPositions{"first", "middle", "last"};

// What a client pays at the Service of one position of the list.
struct Path {
  Figure new_flow;     // one datagram, the first of its flow
  Figure established;  // one of a flow that was answered
  Figure connections;  // a second, made and closed one by one
};

// One backend with so many Services.
struct Point {
  Backend backend = Backend::iptables_legacy;
  int services = 0;
  int endpoints = 0;  // of each
  std::int64_t rules = 0;
  std::optional<std::int64_t> worst_case_walk;
  Figure full;    // the tool's run that writes everything into an empty namespace
  Figure update;  // the tool's run that adds one Service, or removes it
  Figure list;    // the tool's run that lists everything
  Figure read;    // kubecliff's own reading of everything
  std::array<Path, kPositions.size()> paths;
  // What the collector traversal would serve: flows to an address that is no Service's.
  Figure missed_new_flow;
  Figure missed_established;
  std::uint64_t peak_bytes = 0;  // resident in the largest of the tools' runs
  double took = 0;               // seconds, all of it

  [[nodiscard]] const Path& at(Position position) const {
    return paths[static_cast<std::size_t>(position)];
  }
};

// A backend that was not, or not wholly, measured.
struct Missing {
  Backend backend = Backend::iptables_legacy;
  std::optional<int> services;  // from so many on; nothing: at all
  std::string why;
};

struct UsedTool {
  Backend backend = Backend::iptables_legacy;
  std::string path;
  std::string version;
};

struct Machine {
  std::string kernel;
  std::string node;
  int cpus = 0;
  std::vector<UsedTool> tools;
};

enum class Ending : std::uint8_t {
  whole,       // everything that was to be measured was
  incomplete,  // something could not be
  time_limit,
  signal,
};
inline constexpr std::array<std::string_view, 4> kEndings{"whole", "incomplete", "time limit",
                                                          "signal"};

struct Measured {
  Machine machine;
  std::vector<Point> points;  // by Services, then by backend
  std::vector<Missing> missing;
  Ending ending = Ending::whole;
  double took = 0;  // seconds
};

}  // namespace kubecliff::simulate
