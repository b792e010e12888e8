#include "tests/support/nft_list.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

// What follows the first `what` in `text`.
std::string_view after(std::string_view text, std::string_view what) {
  const std::size_t at = text.find(what);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + what.size());
}

// One table, line by line: objects are indented by one tab, what is in them by two.
class Listing {
 public:
  void add(std::string_view line) {
    if (elements_ != nullptr) {
      count_elements(line);
    } else if (line.starts_with("\t\t")) {
      add_content(line.substr(2));
    } else if (line.starts_with('\t')) {
      begin(line.substr(1));
    }
  }

  NftablesFigures finish() {
    for (const auto& [service, endpoints] : endpoints_) {
      ++figures_.services;
      figures_.endpoints += endpoints;
    }
    return figures_;
  }

 private:
  void begin(std::string_view line) {
    const std::string_view kind = line.substr(0, line.find(' '));
    const std::string_view rest = after(line, " ");
    object_ = rest.substr(0, rest.find(' '));
    in_chain_ = kind == "chain";
    figures_.chains += in_chain_ ? 1 : 0;
    figures_.sets += kind == "set" ? 1 : 0;
    figures_.maps += kind == "map" ? 1 : 0;
    if ((kind == "set" || kind == "map") && !object_.starts_with("affinity-")) {
      figures_.elements[object_] = 0;
    }
  }

  void add_content(std::string_view line) {
    if (in_chain_) {
      if (!line.starts_with("type ") && !line.starts_with("comment ")) {
        add_rule(line);
      }
    } else if (line.starts_with("elements = {") && figures_.elements.contains(object_)) {
      elements_ = &figures_.elements[object_];
      ++*elements_;
      count_elements(line);
    }
  }

  void count_elements(std::string_view line) {
    *elements_ += std::ranges::count(line, ',');
    if (line.ends_with('}')) {
      elements_ = nullptr;
    }
  }

  void add_rule(std::string_view line) {
    ++figures_.rules;
    const std::string_view number = after(line, "numgen random mod ");
    int choices = 0;
    std::from_chars(number.data(), number.data() + number.size(), choices);
    if (choices == 0) {
      return;
    }
    // Where a Service has a chain with all of its endpoints, the local ones are among them.
    const std::string service{after(object_, "-")};
    if (object_.starts_with("service-")) {
      endpoints_[service] = choices;
    } else if (object_.starts_with("local-")) {
      endpoints_.try_emplace(service, choices);
    }
  }

  NftablesFigures figures_;
  std::string object_;
  bool in_chain_ = false;
  std::int64_t* elements_ = nullptr;  // of the list that goes on
  std::map<std::string, int> endpoints_;
};

}  // namespace

Result<NftablesFigures> list_nftables(Family family) {
  const auto run = nft({"list", "table", family == Family::ipv4 ? "ip" : "ip6", "kube-proxy"});
  if (!run) {
    return std::unexpected(run.error());
  }
  Listing listing;
  std::istringstream lines{run->out};
  for (std::string line; std::getline(lines, line);) {
    listing.add(line);
  }
  return listing.finish();
}

}  // namespace kubecliff::test
