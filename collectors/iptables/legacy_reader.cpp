#include "collectors/iptables/legacy_reader.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "collectors/iptables/decode_legacy.h"
#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::iptables {
namespace {

// Until Linux 6.8 the option of legacy iptables had no "LEGACY" in its name.
constexpr Feature kLegacyIpv4{.module = "ip_tables",
                              .config = "CONFIG_IP_NF_IPTABLES_LEGACY",
                              .symbol = "ipt_register_table",
                              .older_config = "CONFIG_IP_NF_IPTABLES"};
constexpr Feature kLegacyIpv6{.module = "ip6_tables",
                              .config = "CONFIG_IP6_NF_IPTABLES_LEGACY",
                              .symbol = "ip6t_register_table",
                              .older_config = "CONFIG_IP6_NF_IPTABLES"};

// A restore that runs in a loop changes the size again and again between question and answer.
constexpr int kAttempts = 3;

}  // namespace

Result<RefreshKind> LegacyReader::refresh(Clock::time_point now) {
  const ServiceEndpoints::Look look = endpoints_->begin(now);
  const Result<std::vector<std::string>> names = loaded_.read();
  if (!names) {
    if (names.error().kind == ErrorKind::unavailable) {
      return withdraw(absent_state());
    }
    if (names.error().kind == ErrorKind::denied) {
      std::ignore = withdraw(BackendState::denied);
      return prefixed("legacy iptables cannot be looked at (needs user 0)", names.error());
    }
    return prefixed("legacy iptables cannot be looked at", names.error());
  }
  if (!socket_ && !names->empty()) {
    Result<xtables::Socket> socket = xtables::Socket::open(family_);
    if (!socket) {
      return std::unexpected(socket.error());
    }
    socket_ = std::move(*socket);
  }

  changed_ = std::erase_if(tables_, [&](const TableState& table) {
               return std::ranges::find(*names, table.reading.table) == names->end();
             }) > 0;
  const std::optional<BackendState> state_before = reading_.state;
  copied_ = false;
  bool read_any = false;
  std::optional<Error> error;
  for (const std::string& table : *names) {
    const Result<RefreshKind> refreshed = refresh_table(table, look);
    if (refreshed) {
      read_any |= *refreshed == RefreshKind::full;
    } else if (refreshed.error().kind == ErrorKind::denied) {
      std::ignore = withdraw(BackendState::denied);
      return std::unexpected(refreshed.error());
    } else {
      error = refreshed.error();
    }
  }

  // Without tables there is nothing that would tell a change from "not loaded" to "no table".
  if (read_any || changed_ || names->empty()) {
    publish();
  }
  if (error) {
    return std::unexpected(std::move(*error));
  }
  tell(look);
  const bool unchanged = !read_any && !changed_ && reading_.state == state_before;
  return std::exchange(read_, true) && unchanged ? RefreshKind::unchanged : RefreshKind::full;
}

// Nothing to serve but the reason.
RefreshKind LegacyReader::withdraw(BackendState state) {
  const bool same = read_ && reading_.state == state;
  tables_.clear();
  reading_.tables.clear();
  reading_.state = state;
  if (state != BackendState::denied) {
    teller_.withdraw();
  }
  read_ = state != BackendState::denied;
  return same ? RefreshKind::unchanged : RefreshKind::full;
}

BackendState LegacyReader::absent_state() {
  if (!absent_) {
    const Feature& feature = family_ == AddressFamily::ipv4 ? kLegacyIpv4 : kLegacyIpv6;
    absent_ = find_feature(feature, procfs_) == FeatureState::not_built ? BackendState::not_built
                                                                        : BackendState::not_loaded;
  }
  return *absent_;
}

Result<RefreshKind> LegacyReader::refresh_table(std::string_view table,
                                                ServiceEndpoints::Look look) {
  const Result<xtables::TableInfo> info = socket_->info(table);
  if (!info) {
    return std::unexpected(info.error());
  }
  const auto known = std::ranges::find(tables_, table,
                                       [](const TableState& state) { return state.reading.table; });
  const bool same = known != tables_.end() && known->info == *info;
  const bool asked =
      same && known->has_services() && endpoints_->asked_for_look_after(known->ticket);
  if (same && !asked && look.at - known->read_at < full_interval_) {
    return RefreshKind::unchanged;
  }

  Result<TableState> state = read_table(table, *info);
  if (!state) {
    return std::unexpected(std::move(state.error()));
  }
  state->read_at = look.at;
  state->ticket = look.ticket;
  copied_ = true;
  if (known == tables_.end()) {
    changed_ = true;
    tables_.push_back(std::move(*state));
  } else {
    changed_ |= known->reading.figures.content != state->reading.figures.content;
    *known = std::move(*state);
  }
  return RefreshKind::full;
}

Result<LegacyReader::TableState> LegacyReader::read_table(std::string_view table,
                                                          xtables::TableInfo info) const {
  for (int attempt = 1;; ++attempt) {
    const Result<xtables::TableBlob> blob = socket_->entries(table, info);
    if (!blob) {
      if (blob.error().kind != ErrorKind::torn || attempt == kAttempts) {
        return std::unexpected(blob.error());
      }
      const Result<xtables::TableInfo> again = socket_->info(table);
      if (!again) {
        return std::unexpected(again.error());
      }
      info = *again;
      continue;
    }

    Result<LegacyTable> decoded = decode_legacy(blob->entries(), info, family_);
    if (!decoded) {
      return prefixed(table, std::move(decoded.error()));
    }
    ServiceLists services;
    if (tells_services(table)) {
      services = list_services(decoded->chains, decoded->links);
    }
    return TableState{
        .info = info,
        .read_at = {},
        .ticket = 0,
        .reading = {.table = std::string{table},
                    .figures = summarize(decoded->chains, decoded->built_in),
                    .built_in = std::move(decoded->built_in),
                    .bytes = info.bytes},
        .services = std::move(services),
    };
  }
}

// As long as the sizes stand still nothing is known of the contents, but that no Service has come
// to where there was none.
void LegacyReader::tell(ServiceEndpoints::Look look) {
  if (!copied_ && !changed_ && teller_.has_told()) {
    if (std::ranges::any_of(tables_, &TableState::has_services)) {
      teller_.presume(look);
    } else {
      teller_.confirm(look);
    }
    return;
  }
  ServiceLists all;
  for (const TableState& table : tables_) {
    if (table.has_services()) {
      look.ticket = std::min(look.ticket, table.ticket);
      all.append(table.services);
    }
  }
  teller_.tell(look, std::make_shared<const EndpointSet>(all.services, all.endpoints, all.unclear));
}

void LegacyReader::publish() {
  reading_.changes += read_ && changed_ ? 1 : 0;
  reading_.tables.clear();
  for (const TableState& table : tables_) {
    reading_.tables.push_back(table.reading);
  }
  reading_.settle();
}

}  // namespace kubecliff::iptables
