#include "exporter/simulate/dataplane.h"

#include <linux/netlink.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "collectors/iptables/legacy_reader.h"
#include "collectors/iptables/nft_reader.h"
#include "collectors/ipvs/server_reader.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/nftables/table_reader.h"
#include "exporter/simulate/ipvs_ruleset.h"
#include "exporter/simulate/nftables_ruleset.h"
#include "exporter/simulate/ruleset.h"
#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

constexpr const char* kProcfs = "/proc";
constexpr Duration kNever = std::chrono::hours{24};

RulesetShape shape_of(int services, int endpoints) {
  RulesetShape shape = plain(services, endpoints);
  shape.udp_one_in = 2;
  // kube-proxy's largeClusterEndpointsThreshold.
  constexpr int kLarge = 1'000;
  shape.comments = services * endpoints > kLarge ? Comments::large_cluster : Comments::all;
  return shape;
}

struct Count {
  std::string_view what;
  std::int64_t found = 0;
  std::int64_t expected = 0;
};

Result<void> compare(std::span<const Count> counts) {
  std::string wrong;
  for (const Count& count : counts) {
    if (count.found != count.expected) {
      append(wrong, wrong.empty() ? "" : ", ", count.what, " ", count.found, " where ",
             count.expected, " were written");
    }
  }
  if (!wrong.empty()) {
    return fail(ErrorKind::internal, "what was read back is not what was written: " + wrong);
  }
  return {};
}

class Iptables final : public Dataplane {
 public:
  Iptables(Backend backend, Tools tools, int services, int endpoints)
      : backend_{backend}, tools_{std::move(tools)}, ruleset_{shape_of(services, endpoints)} {}

  [[nodiscard]] std::string full() const override { return ruleset_.restore_input(); }
  [[nodiscard]] std::vector<std::string> full_command() const override {
    return {tools_.writer, "-w"};
  }
  [[nodiscard]] std::string add() override { return ruleset_.add_service(); }
  [[nodiscard]] std::string remove() override {
    return ruleset_.remove_service(ruleset_.services().size() - 1);
  }
  [[nodiscard]] std::vector<std::string> update_command() const override {
    return {tools_.writer, "-w", "--noflush"};
  }
  [[nodiscard]] std::vector<std::string> list_command() const override { return {tools_.lister}; }

  [[nodiscard]] Result<void> verify() const override {
    const ExpectedFigures expected = ruleset_.expected();
    Result<iptables::BackendReading> reading = read();
    if (!reading) {
      return std::unexpected(std::move(reading.error()));
    }
    const auto figures = [&](std::string_view table) {
      const auto found = std::ranges::find(reading->tables, table, &iptables::TableReading::table);
      return found == reading->tables.end() ? iptables::TableFigures{} : found->figures;
    };
    const iptables::TableFigures nat = figures("nat");
    const iptables::TableFigures filter = figures("filter");
    return compare(std::array{
        Count{"nat rules", nat.rules, expected.nat.rules},
        Count{"nat chains", nat.chains, expected.nat.chains},
        Count{"filter rules", filter.rules, expected.filter.rules},
        Count{"Services", nat.services, expected.services},
        Count{"endpoints", nat.endpoints, expected.endpoints},
        Count{"rules of the longest walk", nat.worst_case_walk, expected.worst_case_walk}});
  }

  [[nodiscard]] Size size() const override {
    const ExpectedFigures expected = ruleset_.expected();
    return {.rules = expected.nat.rules, .worst_case_walk = expected.worst_case_walk};
  }
  [[nodiscard]] std::span<const Service> services() const override { return ruleset_.services(); }

 private:
  [[nodiscard]] Result<iptables::BackendReading> read() const {
    if (backend_ == Backend::iptables_legacy) {
      iptables::LegacyReader reader{AddressFamily::ipv4, kProcfs, kNever};
      if (const auto read = reader.refresh(Clock::now()); !read) {
        return std::unexpected(read.error());
      }
      return reader.reading();
    }
    iptables::NftReader reader{netlink::kernel_transport(NETLINK_NETFILTER), kProcfs, kNever};
    if (const auto read = reader.refresh(Clock::now()); !read) {
      return std::unexpected(read.error());
    }
    return reader.reading(AddressFamily::ipv4);
  }

  Backend backend_;
  Tools tools_;
  Ruleset ruleset_;
};

class Nftables final : public Dataplane {
 public:
  Nftables(Tools tools, int services, int endpoints)
      : tools_{std::move(tools)},
        ruleset_{shape_of(services, endpoints), KubeProxyShape::from_1_36} {}

  [[nodiscard]] std::string full() const override { return ruleset_.script(); }
  [[nodiscard]] std::vector<std::string> full_command() const override {
    return {tools_.writer, "-f", "-"};
  }
  [[nodiscard]] std::string add() override { return ruleset_.add_service(); }
  [[nodiscard]] std::string remove() override {
    return ruleset_.remove_service(ruleset_.services().size() - 1);
  }
  [[nodiscard]] std::vector<std::string> update_command() const override { return full_command(); }
  [[nodiscard]] std::vector<std::string> list_command() const override {
    return {tools_.lister, "list", "table", "ip", "kube-proxy"};
  }

  [[nodiscard]] Result<void> verify() const override {
    const NftablesFigures expected = ruleset_.expected();
    nftables::TableReader reader{netlink::kernel_transport(NETLINK_NETFILTER), kProcfs};
    if (const auto read = reader.refresh(Clock::now()); !read) {
      return std::unexpected(read.error());
    }
    const nftables::Figures found =
        reader.figures(AddressFamily::ipv4).value_or(nftables::Figures{});
    return compare(std::array{Count{"rules", found.rules, expected.rules},
                              Count{"chains", found.chains, expected.chains},
                              Count{"Services", found.services, expected.services},
                              Count{"endpoints", found.endpoints, expected.endpoints}});
  }

  [[nodiscard]] Size size() const override { return {.rules = ruleset_.expected().rules}; }
  [[nodiscard]] std::span<const Service> services() const override { return ruleset_.services(); }

 private:
  Tools tools_;
  NftablesRuleset ruleset_;
};

class Ipvs final : public Dataplane {
 public:
  Ipvs(Tools tools, int services, int endpoints)
      : tools_{std::move(tools)}, ruleset_{shape_of(services, endpoints)} {}

  [[nodiscard]] std::string full() const override { return ruleset_.restore_input(); }
  [[nodiscard]] std::vector<std::string> full_command() const override {
    return {tools_.writer, "-R"};
  }
  [[nodiscard]] std::string add() override { return ruleset_.add_service(); }
  [[nodiscard]] std::string remove() override {
    return ruleset_.remove_service(ruleset_.services().size() - 1);
  }
  [[nodiscard]] std::vector<std::string> update_command() const override { return full_command(); }
  [[nodiscard]] std::vector<std::string> list_command() const override {
    return {tools_.lister, "-Sn"};
  }

  [[nodiscard]] Result<void> verify() const override {
    const IpvsFigures expected = ruleset_.expected();
    ipvs::ServerReader reader{netlink::kernel_transport(NETLINK_GENERIC), kProcfs};
    const Result<ipvs::Reading> reading = reader.read();
    if (!reading) {
      return std::unexpected(reading.error());
    }
    std::int64_t real_servers = 0;
    for (const ipvs::Protocol protocol : {ipvs::Protocol::tcp, ipvs::Protocol::udp}) {
      real_servers += reading->servers.real_servers(AddressFamily::ipv4, protocol, false);
    }
    return compare(std::array{
        Count{"virtual servers", reading->servers.virtual_servers(), expected.virtual_servers},
        Count{"real servers", real_servers, expected.real_servers}});
  }

  [[nodiscard]] Size size() const override {
    const IpvsFigures expected = ruleset_.expected();
    return {.rules = expected.virtual_servers + expected.real_servers};
  }
  [[nodiscard]] std::span<const Service> services() const override { return ruleset_.services(); }

 private:
  Tools tools_;
  IpvsRuleset ruleset_;
};

}  // namespace

std::unique_ptr<Dataplane> make_dataplane(Backend backend, Tools tools, int services,
                                          int endpoints) {
  switch (backend) {
    case Backend::iptables_legacy:
    case Backend::iptables_nft:
      return std::make_unique<Iptables>(backend, std::move(tools), services, endpoints);
    case Backend::nftables:
      return std::make_unique<Nftables>(std::move(tools), services, endpoints);
    case Backend::ipvs:
      break;
  }
  return std::make_unique<Ipvs>(std::move(tools), services, endpoints);
}

}  // namespace kubecliff::simulate
