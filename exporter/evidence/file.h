// What a bundle is made of, and what it lacks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kubecliff::evidence {

struct Gathered;

// A file of the bundle; `name` is relative, as `network/links.jsonl`, and kubecliff's own.
struct File {
  std::string name;
  std::string content;
  // Makes other forms of the content as it is in the bundle, redacted.
  Gathered (*derive)(const std::string& content) = nullptr;

  friend bool operator==(const File&, const File&) = default;
};

// What could not be had, and why.
struct Missed {
  std::string name;
  std::string reason;

  friend bool operator==(const Missed&, const Missed&) = default;
};

// Whether a source saw all names that there are for it to see.
enum class NamesSeen : std::uint8_t { all, not_all };

// What one source gives.
struct Gathered {
  std::vector<File> files = {};
  std::vector<Missed> missed = {};
  // Comments, names of chains and so on, as they were written: redaction takes the names in them
  // out of every file. They are not in the bundle.
  std::vector<std::string> names = {};
  // Releases of kernels, which are no addresses.
  std::vector<std::string> releases = {};
  NamesSeen names_seen = NamesSeen::all;
};

struct Source {
  std::string name;
  std::chrono::milliseconds deadline{};
  // Where it gives none, the names that it would have given are not known.
  enum class Names : std::uint8_t { none, some } names = Names::none;
  // Called on a thread of its own, which is left behind where the deadline passes: it must own all
  // that it uses.
  std::function<Gathered()> gather;
};

}  // namespace kubecliff::evidence
