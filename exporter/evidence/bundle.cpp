#include "exporter/evidence/bundle.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/own_words.h"
#include "exporter/evidence/redact_file.h"

namespace kubecliff::evidence {
namespace {

using nlohmann::ordered_json;

// Of what could not be had; the rest is counted.
constexpr std::size_t kMostMissed = 200;
constexpr std::size_t kMostReason = 500;

constexpr std::string_view kReadme = R"(
What a Kubernetes node looked like to kubecliff at one moment. Nothing on the
node was changed to write it. Files that could not be had are in manifest.json
under "missed", with the reason.

manifest.json            every file with its size and SHA-256, and what is missing
report/                  the report, in each form it has
metrics.txt              the metrics, in Prometheus' text format
daemon/                  what the running daemon answers, where --url names it
conntrack/summary.json   entries, limit, buckets, counters of each CPU, flows by
                         protocol and state
conntrack/flows.txt      a sample of flows, evenly over the table
rules/classes.jsonl      rules and chains of each table by class and by owner
rules/nft-tables.jsonl   every nftables table with its chains, sets and maps
rules/legacy.jsonl       with --full: every rule of legacy iptables
rules/nft.jsonl          with --full: every rule of nftables, iptables-nft too
rules/nft-elements.jsonl with --full: elements of nftables' sets and maps
network/links.jsonl      devices with their MTU
network/tunnels.jsonl    tunnels whose MTU is beside that of what carries them:
                         where headroom_bytes is negative, packets fragment
network/addresses.jsonl  addresses of devices
network/routes.jsonl     routes of every table
network/sockets.json     TCP sockets by state
network/stat/            counters of the network stack, as /proc/net has them
kernel/settings.jsonl    settings beside what is recommended, and why
kernel/modules.txt       modules that are loaded
kernel/modules.jsonl     modules that a mode of kube-proxy or Cilium needs
kernel/log.txt           lines of the kernel's log on conntrack, netfilter,
                         neighbours and memory
kernel/versions.json     kubecliff, kernel, distribution
kernel/load.txt          load, memory, pressure
kube-proxy/health.jsonl  its health, as its ports tell
kube-proxy/settings.json version, mode and the settings that decide

.jsonl: one JSON object a line.
)";

constexpr std::string_view kRedacted = R"(
Redacted: addresses and names stand as tokens, the same one as the same token
in every file: IPV4-PRIVATE-3 is an address of a private network, SERVICE-2 the
name of a Service. Loopback addresses, ports and names that Kubernetes itself
gives stay. Numbers, times and the layout of the rules are as they were.
)";

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    return {};
  }
  return hex_text(std::as_bytes(std::span{digest}.first(size)));
}

// What other parts of kubecliff, or the daemon, wrote.
bool is_of_others(std::string_view file) {
  return file.starts_with("report/") || file.starts_with("daemon/");
}

// Up to the last line that ends within `size`.
std::string_view whole_lines(std::string_view text, std::size_t size) {
  const std::string_view first = text.substr(0, size);
  return first.substr(0, first.rfind('\n') + 1);
}

}  // namespace

std::string readme(const BundleFace& face, Redaction redaction) {
  std::string text = "kubecliff evidence, " + face.created + "\n";
  text += kReadme;
  if (redaction == Redaction::on) {
    text += kRedacted;
  }
  return text;
}

Bundle::Bundle(BundleFace face, Bounds bounds, Redaction redaction)
    : face_{std::move(face)}, bounds_{bounds}, redaction_{redaction} {
  redactor_.keep(kReadme);
  redactor_.keep(kRedacted);
  redactor_.keep(own_words());
  face_.node = clean(face_.node);
  redactor_.learn_node(face_.node);
}

void Bundle::add(Gathered gathered) {
  for (File& file : gathered.files) {
    keep_what_fits(std::move(file));
  }
  std::ranges::move(gathered.missed, std::back_inserter(missed_));
  if (gathered.names_seen == NamesSeen::not_all) {
    names_seen_ = NamesSeen::not_all;
  }
  if (redaction_ == Redaction::on) {
    for (const std::string& name : gathered.names) {
      redactor_.learn(name);
    }
    for (const std::string& release : gathered.releases) {
      redactor_.keep_release(release);
    }
  }
}

void Bundle::keep_what_fits(File file) {
  const std::size_t room = std::min(bounds_.file, bounds_.all - bytes_);
  if (file.content.size() > room) {
    const std::size_t was = file.content.size();
    file.content.resize(whole_lines(file.content, room).size());
    missed_.push_back({.name = file.name,
                       .reason = "cut: " + std::to_string(was) +
                                 " bytes, of which there was room for " +
                                 std::to_string(file.content.size())});
    if (file.content.empty()) {
      return;
    }
    file.content.shrink_to_fit();
  }
  bytes_ += file.content.size();
  files_.push_back(std::move(file));
}

void Bundle::leave_out_what_may_have_names() {
  for (const File& file : files_) {
    if (is_of_others(file.name)) {
      missed_.push_back({.name = file.name,
                         .reason = "left out: not all names of this node could be read, so they "
                                   "could not be redacted"});
    }
  }
  std::erase_if(files_, [](const File& file) { return is_of_others(file.name); });
}

// In the bounds once more: tokens may be longer than what they stand for.
void Bundle::redact_files() {
  std::vector<File> files = std::exchange(files_, {});
  bytes_ = 0;
  for (File& file : files) {
    file.content = redact_file(file.name, file.content, redactor_);
    keep_what_fits(std::move(file));
  }
}

void Bundle::derive() {
  for (std::size_t i = 0, count = files_.size(); i < count; ++i) {
    if (files_[i].derive != nullptr) {
      add(files_[i].derive(files_[i].content));
    }
  }
}

void Bundle::redact() {
  if (names_seen_ == NamesSeen::not_all) {
    leave_out_what_may_have_names();
  }
  redact_files();
  for (Missed& miss : missed_) {
    miss.name = redactor_.apply(miss.name);
    miss.reason = redactor_.apply(miss.reason);
  }
  for (std::string& option : face_.options) {
    option = redactor_.apply(option);
  }
  face_.node = redactor_.apply(face_.node);
}

std::string Bundle::manifest() const {
  ordered_json json;
  json["kubecliff"] = face_.version;
  json["created"] = face_.created;
  json["node"] = face_.node.empty() ? ordered_json(nullptr) : ordered_json(face_.node);
  json["options"] = face_.options;
  json["redacted"] = redaction_ == Redaction::on;
  json["bounds"] = {{"bytes", bounds_.all}, {"file_bytes", bounds_.file}};
  json["files"] = ordered_json::array();
  for (const File& file : files_) {
    json["files"].push_back({{"name", safe_name(file.name)},
                             {"bytes", file.content.size()},
                             {"sha256", sha256(file.content)}});
  }
  json["missed"] = ordered_json::array();
  for (std::size_t i = 0; i < std::min(missed_.size(), kMostMissed); ++i) {
    json["missed"].push_back(
        {{"name", missed_[i].name}, {"reason", missed_[i].reason.substr(0, kMostReason)}});
  }
  json["missed_more"] = missed_.size() - std::min(missed_.size(), kMostMissed);
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<void> Bundle::write(const Archive::Sink& sink) {
  if (redaction_ == Redaction::on) {
    redact();
  }
  derive();
  files_.push_back({.name = "README.txt", .content = readme(face_, redaction_)});
  std::ranges::stable_sort(files_, {}, &File::name);
  Archive archive{sink, face_.time};
  if (Result<void> added = archive.add(face_.folder + "/manifest.json", manifest()); !added) {
    return added;
  }
  for (const File& file : files_) {
    if (Result<void> added = archive.add(face_.folder + "/" + file.name, file.content); !added) {
      return added;
    }
  }
  return archive.finish();
}

}  // namespace kubecliff::evidence
