// FakeDriver: network cards whose drivers answer ethtool's requests as the kernel does, from
// tables.
//
//   FakeDriver kernel;
//   kernel.cards[2] = {.name = "eth0", .statistics = {{"pps_allowance_exceeded", 7}}};
//   AllowanceReader reader{kernel.ethtool()};
//
// Must outlive what reads it. Not thread-safe.
#pragma once

#include <linux/ethtool.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"
#include "collectors/nic/ethtool.h"

namespace kubecliff::test {

struct FakeCard {
  std::string name;
  std::vector<std::pair<std::string, std::uint64_t>> statistics;
  int error = 0;                                 // of every request
  std::optional<std::uint32_t> told_count = {};  // by ETHTOOL_GSSET_INFO, whatever there is
};

struct FakeDriver {
  std::map<std::uint32_t, FakeCard> cards;
  std::vector<std::uint32_t> asked;  // ethtool's commands, in order
  bool checks_counts = true;         // as Linux 6.19 does; before, counts of requests meant nothing

  [[nodiscard]] nic::EthtoolFactory ethtool();
};

class FakeEthtool final : public nic::Ethtool {
 public:
  explicit FakeEthtool(FakeDriver& kernel) : kernel_{kernel} {}

  Result<std::string> name_of(std::uint32_t index) override {
    const auto found = kernel_.cards.find(index);
    return found == kernel_.cards.end() ? fail_errno(ENODEV, "name")
                                        : Result<std::string>{found->second.name};
  }

  Result<void> ask(std::string_view device, std::span<std::byte> request) override {
    const auto command = read_as<std::uint32_t>(request).value_or(0);
    kernel_.asked.push_back(command);
    for (const auto& [index, card] : kernel_.cards) {
      if (card.name == device) {
        return card.error != 0 ? fail_errno(card.error, device) : answer(card, command, request);
      }
    }
    return fail_errno(ENODEV, device);
  }

 private:
  template <typename T>
  static void write(std::span<std::byte> to, std::size_t offset, const T& value) {
    std::memcpy(to.subspan(offset, sizeof(value)).data(), &value, sizeof(value));
  }

  // Replaces the count that the request gives, and returns what it says then.
  std::uint32_t set_count(const FakeCard& card, std::span<std::byte> request,
                          std::size_t offset) const {
    const auto requested = read_as<std::uint32_t>(request, offset).value_or(0);
    const auto now = static_cast<std::uint32_t>(card.statistics.size());
    const std::uint32_t told =
        kernel_.checks_counts && requested != 0 && requested != now ? 0 : now;
    write(request, offset, told);
    return told;
  }

  Result<void> answer(const FakeCard& card, std::uint32_t command,
                      std::span<std::byte> request) const {
    if (command == ETHTOOL_GSSET_INFO) {
      write(request, sizeof(ethtool_sset_info),
            card.told_count.value_or(static_cast<std::uint32_t>(card.statistics.size())));
    } else if (command == ETHTOOL_GSTRINGS) {
      const std::uint32_t told = set_count(card, request, offsetof(ethtool_gstrings, len));
      for (std::size_t i = 0; i < told; ++i) {
        std::array<char, ETH_GSTRING_LEN> name{};
        card.statistics[i].first.copy(name.data(), name.size());
        write(request, sizeof(ethtool_gstrings) + i * name.size(), name);
      }
    } else if (command == ETHTOOL_GSTATS) {
      const std::uint32_t told = set_count(card, request, offsetof(ethtool_stats, n_stats));
      for (std::size_t i = 0; i < told; ++i) {
        write(request, sizeof(ethtool_stats) + i * sizeof(std::uint64_t),
              card.statistics[i].second);
      }
    } else {
      return fail_errno(EOPNOTSUPP, "ask");
    }
    return {};
  }

  FakeDriver& kernel_;
};

inline nic::EthtoolFactory FakeDriver::ethtool() {
  return [this]() -> Result<std::unique_ptr<nic::Ethtool>> {
    return std::make_unique<FakeEthtool>(*this);
  };
}

}  // namespace kubecliff::test
