// ServiceEndpoints: which addresses and ports are Services and what each of them has for endpoints,
// told by the collectors that read rulesets to the one that reads flows. Beside NewFlows the other
// thing that collectors tell each other; any thread may call anything.
//
// Addresses and ports come as 64-bit hashes, seeded anew by each process: eight bytes an endpoint
// whatever the family. Two of 300,000 are equal once in 400 million times.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace kubecliff {

// Addresses are 4 or 16 bytes in network order, ports in that of this machine, protocols numbered
// as in the IP header.
using AddressBytes = std::span<const std::byte>;

// A port of a Service at one of its addresses; or at every address of the node, which is in the
// family that has `address_size` bytes.
[[nodiscard]] std::uint64_t service_key(std::uint8_t protocol, AddressBytes address,
                                        std::uint16_t port);
[[nodiscard]] std::uint64_t node_port_key(std::uint8_t protocol, std::size_t address_size,
                                          std::uint16_t port);

// Where a Service's traffic goes, by itself and as that Service's.
[[nodiscard]] std::uint64_t backend_key(AddressBytes address, std::uint16_t port);
[[nodiscard]] std::uint64_t endpoint_key(std::uint64_t service, std::uint64_t backend);

// The name of a chain, or of a part of it.
[[nodiscard]] std::uint64_t name_key(std::span<const char> name);

// Keys in a flat table with open addressing: 12 bytes each, one or two cache lines a lookup.
class KeySet {
 public:
  KeySet() = default;
  explicit KeySet(std::span<const std::uint64_t> keys);  // any of them more than once

  [[nodiscard]] bool contains(std::uint64_t key) const {
    if (slots_.empty()) {
      return false;
    }
    for (std::size_t at = first_slot(key);; at = at + 1 == slots_.size() ? 0 : at + 1) {
      if (slots_[at] == key) {
        return true;
      }
      if (slots_[at] == kFree) {
        return false;
      }
    }
  }
  // That the key will be asked for soon.
  void prefetch(std::uint64_t key) const {
    if (!slots_.empty()) {
      __builtin_prefetch(&slots_[first_slot(key)]);
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint64_t kFree = 0;  // no key is

  // By the upper half: keys are hashes already.
  [[nodiscard]] std::size_t first_slot(std::uint64_t key) const {
    return static_cast<std::size_t>(((key >> 32U) * slots_.size()) >> 32U);
  }

  std::vector<std::uint64_t> slots_;
  std::size_t size_ = 0;
};

// What one ruleset says in one family. Immutable, so that it is shared without a lock.
class EndpointSet {
 public:
  // A Service without endpoints is one all the same. One of which something is not understood is
  // `unclear`, and counts as none: what is not known to be complete cannot show that something is
  // missing.
  EndpointSet(std::span<const std::uint64_t> services, std::span<const std::uint64_t> endpoints,
              std::span<const std::uint64_t> unclear = {})
      : services_{services}, endpoints_{endpoints}, unclear_{unclear} {}

  [[nodiscard]] bool has_service(std::uint64_t key) const {
    return services_.contains(key) && !unclear_.contains(key);
  }
  [[nodiscard]] bool has_endpoint(std::uint64_t key) const { return endpoints_.contains(key); }
  void prefetch(std::uint64_t service, std::uint64_t endpoint) const {
    services_.prefetch(service);
    endpoints_.prefetch(endpoint);
  }
  [[nodiscard]] std::size_t services() const { return services_.size(); }
  [[nodiscard]] std::size_t endpoints() const { return endpoints_.size(); }

 private:
  KeySet services_;
  KeySet endpoints_;
  KeySet unclear_;
};

class ServiceEndpoints {
 public:
  enum class Source : std::uint8_t { iptables_legacy, iptables_nft, nftables, ipvs };
  static constexpr std::size_t kSources = 4;
  static constexpr std::size_t kFamilies = 2;

  // Grows with every one that is given out: what was begun with a higher number was begun later.
  using Ticket = std::uint64_t;
  using TimePoint = std::chrono::steady_clock::time_point;

  // One reading of a ruleset, or of the flows.
  struct Look {
    Ticket ticket = 0;
    TimePoint at;
  };
  // Before the first question to the kernel.
  [[nodiscard]] Look begin(TimePoint now) { return {.ticket = ++last_ticket_, .at = now}; }

  // What a ruleset is at some moment since the look began; that it is still that; that nothing
  // shows that it would be another, which is no proof; that there is no such ruleset any more. All
  // but the first only where what is told is `mine`: where a collector is made anew, the old one
  // ends late.
  void tell(Source source, std::size_t family, Look look, std::shared_ptr<const EndpointSet> set);
  void confirm(Source source, std::size_t family, Look look, const EndpointSet* mine);
  void presume(Source source, std::size_t family, Look look, const EndpointSet* mine);
  void withdraw(Source source, std::size_t family, const EndpointSet* mine);

  // Asks those that only presume for a look that begins after this one.
  void ask_for_look_after(Look look);
  [[nodiscard]] bool asked_for_look_after(Ticket ticket) const { return wanted_after_ >= ticket; }

  struct Told {
    std::shared_ptr<const EndpointSet> set;  // null: nothing is told
    Ticket version = 0;                      // of the look that found the set
    Ticket ticket = 0;                       // of the last one that found it right
    TimePoint looked_at;                     // when it was last presumed right
  };
  using All = std::array<Told, kSources * kFamilies>;  // the families of a source side by side
  [[nodiscard]] All all() const;
  [[nodiscard]] static constexpr std::size_t index(Source source, std::size_t family) {
    return static_cast<std::size_t>(source) * kFamilies + family;
  }

 private:
  std::atomic<Ticket> last_ticket_ = 0;
  std::atomic<Ticket> wanted_after_ = 0;
  mutable std::mutex mutex_;
  All told_;
};

// What one reader tells of one family, withdrawn with it. Not thread-safe.
class EndpointTeller {
 public:
  EndpointTeller(std::shared_ptr<ServiceEndpoints> to, ServiceEndpoints::Source source,
                 std::size_t family)
      : to_{std::move(to)}, source_{source}, family_{family} {}
  EndpointTeller(EndpointTeller&&) = default;
  EndpointTeller& operator=(EndpointTeller&&) = delete;
  ~EndpointTeller() { withdraw(); }

  void tell(ServiceEndpoints::Look look, std::shared_ptr<const EndpointSet> set) {
    told_ = set;
    to_->tell(source_, family_, look, std::move(set));
  }
  void confirm(ServiceEndpoints::Look look) const {
    if (told_) {
      to_->confirm(source_, family_, look, told_.get());
    }
  }
  void presume(ServiceEndpoints::Look look) const {
    if (told_) {
      to_->presume(source_, family_, look, told_.get());
    }
  }
  void withdraw() {
    if (told_) {
      to_->withdraw(source_, family_, told_.get());
      told_.reset();
    }
  }
  [[nodiscard]] bool has_told() const { return told_ != nullptr; }

 private:
  std::shared_ptr<ServiceEndpoints> to_;
  ServiceEndpoints::Source source_;
  std::size_t family_;
  std::shared_ptr<const EndpointSet> told_;
};

}  // namespace kubecliff
