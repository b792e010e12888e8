#include "collectors/nic/allowances.h"

#include <linux/ethtool.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "collectors/kernel/bytes.h"

namespace kubecliff::nic {
namespace {

// Drivers with hundreds of queues have thousands.
constexpr std::uint32_t kMostStatistics = 16'384;
// The kernel writes as many names as there are by now. Twice as many have room; what is not written
// to takes no memory.
constexpr std::size_t kBufferSize =
    sizeof(ethtool_gstrings) + std::size_t{2} * kMostStatistics * ETH_GSTRING_LEN;

bool is_gone(const Error& error) {
  return error.errno_value == ENODEV;
}

template <typename Request>
void put(std::span<std::byte> buffer, const Request& request) {
  std::memcpy(buffer.data(), &request, sizeof(request));
}

}  // namespace

Result<std::string> AllowanceReader::ask(std::uint32_t index) {
  const auto device = ethtool_->name_of(index);
  if (!device) {
    return device;
  }
  const auto asked = ethtool_->ask(*device, {buffer_.get(), kBufferSize});
  return asked ? device : std::unexpected(asked.error());
}

Result<AllowanceReader::Card> AllowanceReader::look(std::uint32_t index) {
  if (!ethtool_) {
    auto opened = open_();
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    ethtool_ = std::move(*opened);
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBufferSize);
  }
  const std::span buffer{buffer_.get(), kBufferSize};
  Card card{.index = index};

  ethtool_sset_info sets{};
  sets.cmd = ETHTOOL_GSSET_INFO;
  sets.sset_mask = 1U << ETH_SS_STATS;
  put(buffer, sets);
  auto device = ask(index);
  if (!device) {
    if (device.error().errno_value == EOPNOTSUPP) {
      return card;
    }
    return std::unexpected(std::move(device.error()));
  }
  const auto count = decode_count(buffer);
  if (!count) {
    return prefixed(*device, count.error());
  }
  // Of the drivers that are known here none has so many.
  if (*count == 0 || *count > kMostStatistics) {
    return card;
  }

  ethtool_gstrings names{};
  names.cmd = ETHTOOL_GSTRINGS;
  names.string_set = ETH_SS_STATS;
  names.len = *count;
  put(buffer, names);
  device = ask(index);
  if (!device) {
    return std::unexpected(std::move(device.error()));
  }
  auto places = decode_names(buffer, *count);
  if (!places) {
    return prefixed(*device, places.error());
  }
  card.count = *count;
  card.places = std::move(*places);
  return card;
}

void AllowanceReader::watch(std::span<const std::uint32_t> cards, std::vector<Error>& misses) {
  outdated_ = false;
  std::vector<Card> watched;
  for (const std::uint32_t index : cards) {
    const auto known = std::ranges::find(cards_, index, &Card::index);
    if (known != cards_.end()) {
      watched.push_back(std::move(*known));
      continue;
    }
    auto card = look(index);
    if (card) {
      watched.push_back(std::move(*card));
    } else if (!is_gone(card.error())) {
      misses.push_back(std::move(card.error()));
    }
  }
  cards_ = std::move(watched);
}

Result<Allowances> AllowanceReader::read_values(const Card& card) {
  ethtool_stats request{};
  request.cmd = ETHTOOL_GSTATS;
  request.n_stats = card.count;
  const std::span buffer{buffer_.get(), kBufferSize};
  put(buffer, request);
  auto device = ask(card.index);
  if (!device) {
    return std::unexpected(std::move(device.error()));
  }
  const auto values = decode_values(buffer, card.count, card.places);
  if (!values) {
    return prefixed(*device, values.error());
  }

  Allowances allowances{.device = std::move(*device), .values = {}};
  bool silent = true;
  bool tells_available = false;
  for (std::size_t i = 0; i < values->size(); ++i) {
    const std::size_t statistic = card.places[i].statistic;
    allowances.values[statistic] = (*values)[i];
    silent = silent && (*values)[i] == 0;
    tells_available |= kStatistics[statistic].measure == Measure::available;
  }
  // Where Amazon's device does not answer its driver, the driver leaves zeros and says nothing of
  // it (ena_ethtool.c, ena_metrics_stats()): nothing left, and never anything exceeded.
  if (silent && tells_available) {
    return fail(ErrorKind::unavailable,
                allowances.device + ": its driver had no answer about allowances from the device");
  }
  return allowances;
}

Result<Allowances> AllowanceReader::read_card(Card& card) {
  auto allowances = read_values(card);
  if (allowances || allowances.error().kind != ErrorKind::torn) {
    return allowances;
  }
  // The number of queues was changed: the names are others now.
  auto again = look(card.index);
  if (!again) {
    return std::unexpected(std::move(again.error()));
  }
  card = std::move(*again);
  return card.places.empty() ? Result<Allowances>{} : read_values(card);
}

std::vector<Allowances> AllowanceReader::read(std::vector<Error>& misses) {
  std::vector<Allowances> all;
  std::size_t cards = 0;
  for (Card& card : cards_) {
    if (card.places.empty() || cards == kMostDevices) {
      continue;
    }
    ++cards;
    auto allowances = read_card(card);
    if (allowances) {
      all.push_back(std::move(*allowances));
    } else if (is_gone(allowances.error())) {
      // Its index is forgotten too: after a reset the driver may tell more or less than before.
      card.index = 0;
      outdated_ = true;
    } else {
      misses.push_back(std::move(allowances.error()));
    }
  }
  std::erase_if(cards_, [](const Card& card) { return card.index == 0; });
  return all;
}

}  // namespace kubecliff::nic
