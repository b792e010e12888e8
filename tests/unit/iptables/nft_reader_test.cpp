// NftReader against a kernel whose every answer the test decides.
#include "collectors/iptables/nft_reader.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/kernel_feature.h"
#include "tests/support/nft_messages.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/iptables/nft_kernel.h"

namespace kubecliff::iptables {
namespace {

using test::fails_with;
using test::has_value;
using test::NftKernel;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using namespace std::chrono_literals;

constexpr Duration kFullInterval = 10min;
constexpr std::string_view kServiceA = "KUBE-SVC-AAAAAAAAAAAAAAAA";
constexpr std::string_view kServiceB = "KUBE-SVC-BBBBBBBBBBBBBBBB";

MATCHER_P(is_refresh, kind, "") {
  return arg.has_value() && *arg == kind;
}

// A procfs that says no more than whether the kernel has nf_tables.
class Procfs {
 public:
  explicit Procfs(std::string_view config) {
    std::string pattern = ::testing::TempDir() + "procfs-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    std::ofstream{path_ / "config.gz"} << config << '\n';
  }
  Procfs(const Procfs&) = delete;
  Procfs& operator=(const Procfs&) = delete;
  ~Procfs() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The nat table of a node with two Services, in one family.
class NftReaderTest : public ::testing::Test {
 protected:
  NftReaderTest() {
    kernel_.add_chain({.name = "PREROUTING", .base = true}).rules = {{.jump = "KUBE-SERVICES"}};
    kernel_.add_chain({.name = "KUBE-SERVICES"}).rules = {{.jump = std::string{kServiceA}},
                                                          {.jump = std::string{kServiceB}}};
    kernel_.add_chain({.name = std::string{kServiceA}}).rules = {{.jump = ""}};
    kernel_.add_chain({.name = std::string{kServiceB}}).rules = {{.jump = ""}};
  }

  Result<RefreshKind> refresh(Duration later = 1s) { return reader_.refresh(now_ += later); }

  // To where nothing is left to be read.
  void settle() {
    ASSERT_THAT(refresh(), has_value());
    ASSERT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
    std::ignore = kernel_.questions();
  }

  [[nodiscard]] const BackendReading& reading() const {
    return reader_.reading(AddressFamily::ipv4);
  }
  [[nodiscard]] std::uint32_t rules() const { return reading().tables.at(0).figures.rules; }
  [[nodiscard]] std::uint32_t svc_rules() const {
    return reading()
        .tables.at(0)
        .figures.classes.at(static_cast<std::size_t>(ChainClass::svc))
        .rules;
  }
  void add_rule(std::string_view chain) { kernel_.chain(chain).rules.push_back({.jump = ""}); }
  // A rule in place of another: nothing that a chain dump shows.
  void replace_rule(std::string_view chain, std::string jump = "") {
    kernel_.chain(chain).rules.at(0) = {.jump = std::move(jump),
                                        .expressions = {test::nft_verdict(NF_DROP)}};
  }
  [[nodiscard]] bool saw_replacement() const { return reading().tables.at(0).figures.refusals > 0; }
  // What a rule of a transaction in preparation does: its chain counts it, and no dump shows it.
  void prepare_rule(std::string_view chain) { ++kernel_.chain(chain).other_users; }
  void commit_prepared(std::string_view chain) {
    --kernel_.chain(chain).other_users;
    add_rule(chain);
    kernel_.commit();
  }
  static std::string rules_of(std::string_view chain) {
    return "rules ipv4 nat " + std::string{chain};
  }

  NftKernel kernel_;
  Procfs procfs_{"CONFIG_NF_TABLES=y"};
  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  NftReader reader_{kernel_.transport(), procfs_.path(), kFullInterval, endpoints_};
  Clock::time_point now_;
};

TEST_F(NftReaderTest, TheFirstRefreshReadsEveryChain) {
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  EXPECT_THAT(kernel_.questions(),
              ElementsAre("generation", "batch", "tables ipv4", "chains ipv4",
                          rules_of("PREROUTING"), rules_of("KUBE-SERVICES"), rules_of(kServiceA),
                          rules_of(kServiceB), "tables ipv6", "chains ipv6", "generation"));
  EXPECT_EQ(reading().state, BackendState::rules);
  EXPECT_EQ(rules(), 5U);
  EXPECT_EQ(reading().tables.at(0).figures.chains, 4U);
  EXPECT_EQ(reading().tables.at(0).figures.services, 2U);
  EXPECT_EQ(reading().changes, 0U);
  EXPECT_EQ(reader_.reading(AddressFamily::ipv6).state, BackendState::no_table);
}

TEST_F(NftReaderTest, AnUnchangedGenerationCostsOneQuestion) {
  settle();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation"));
}

TEST_F(NftReaderTest, OfUserChainsOnlyThoseWithAnotherUseAreReadAgain) {
  settle();
  add_rule(kServiceB);
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation", "batch", "tables ipv4", "chains ipv4",
                                               rules_of("PREROUTING"), rules_of(kServiceB),
                                               "tables ipv6", "chains ipv6", "generation"));
  EXPECT_EQ(svc_rules(), 3U);
  EXPECT_EQ(rules(), 6U);
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, AChainMadeAnewUnderItsOldNameIsReadAgain) {
  settle();
  kernel_.remove_chain(kServiceA);
  kernel_.add_chain({.name = std::string{kServiceA}}).rules = {
      {.jump = "", .expressions = {test::nft_verdict(NF_DROP)}}};
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  const auto questions = kernel_.questions();
  EXPECT_THAT(questions, Contains(rules_of(kServiceA)));
  EXPECT_THAT(questions, Not(Contains(rules_of(kServiceB))));
  EXPECT_EQ(rules(), 5U);
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, AChainThatIsGoneIsNoLongerCounted) {
  settle();
  kernel_.remove_chain(kServiceB);
  kernel_.chain("KUBE-SERVICES").rules.pop_back();
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(reading().tables.at(0).figures.chains, 3U);
  EXPECT_EQ(rules(), 3U);
  EXPECT_EQ(reading().tables.at(0).figures.services, 1U);
}

TEST_F(NftReaderTest, ACommitElsewhereIsNoChangeOfTheRules) {
  settle();
  kernel_.add_chain({.table = "kube-proxy", .name = "services"});
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(reading().changes, 0U);
  EXPECT_EQ(reading().tables.size(), 1U);
  EXPECT_THAT(kernel_.questions(), Not(Contains("rules ipv4 kube-proxy services")));
}

TEST_F(NftReaderTest, TablesThatAreGoneLeaveTheStateNoTable) {
  settle();
  for (const std::string_view chain :
       {std::string_view{"PREROUTING"}, std::string_view{"KUBE-SERVICES"}, kServiceA, kServiceB}) {
    kernel_.remove_chain(chain);
  }
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(reading().state, BackendState::no_table);
  EXPECT_THAT(reading().tables, IsEmpty());
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, ATableWithoutRulesIsEmpty) {
  kernel_.add_chain(
      {.table = "filter", .name = "INPUT", .family = AddressFamily::ipv6, .base = true});
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(reader_.reading(AddressFamily::ipv6).state, BackendState::empty);
}

TEST_F(NftReaderTest, AnInterruptedDumpIsAskedForAgain) {
  for (const std::string& question :
       {std::string{"tables ipv4"}, std::string{"chains ipv4"}, rules_of("KUBE-SERVICES")}) {
    SCOPED_TRACE(question);
    kernel_.expect({.question = question, .interrupted = true});
    add_rule("KUBE-SERVICES");
    kernel_.commit();
    EXPECT_THAT(refresh(), has_value());
    EXPECT_EQ(rules(), kernel_.chain("KUBE-SERVICES").rules.size() + 3);
  }
}

TEST_F(NftReaderTest, AMessageOfAnotherGenerationMakesTheDumpTorn) {
  kernel_.expect({.question = rules_of(kServiceB), .before = [&] { kernel_.commit(); }});
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  // What the first attempt read stands: only the built-in chain, whose counters move, and what it
  // did not come to are read by the second.
  EXPECT_THAT(
      kernel_.questions(),
      ElementsAre("generation", "batch", "tables ipv4", "chains ipv4", rules_of("PREROUTING"),
                  rules_of("KUBE-SERVICES"), rules_of(kServiceA), rules_of(kServiceB), "generation",
                  "batch", "tables ipv4", "chains ipv4", rules_of("PREROUTING"),
                  rules_of(kServiceB), "tables ipv6", "chains ipv6", "generation"));
  EXPECT_EQ(rules(), 5U);
}

TEST_F(NftReaderTest, ACommitAfterTheLastDumpMakesThePassTorn) {
  settle();
  add_rule(kServiceA);
  kernel_.commit();
  kernel_.expect({.question = "chains ipv6", .before = [&] {
                    kernel_.remove_chain(kServiceB);
                    kernel_.chain("KUBE-SERVICES").rules.pop_back();
                    kernel_.commit();
                  }});
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(rules(), 4U);
  EXPECT_EQ(reading().tables.at(0).figures.chains, 3U);
}

TEST_F(NftReaderTest, ARulesetThatNeverStandsStillIsTornAndTheEarlierFiguresStand) {
  settle();
  add_rule(kServiceA);
  kernel_.commit();
  for (int attempt = 0; attempt < 3; ++attempt) {
    kernel_.expect({.question = "chains ipv6", .before = [&] { kernel_.commit(); }});
  }
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("changed while it was read")));
  EXPECT_EQ(rules(), 5U);
  EXPECT_EQ(reading().state, BackendState::rules);

  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(rules(), 6U);
}

TEST_F(NftReaderTest, NothingIsSaidOfARulesetThatCouldNotBeReadYet) {
  kernel_.expect({.question = "chains ipv4", .refusal = -EIO});
  EXPECT_THAT(refresh(), fails_with(ErrorKind::internal, HasSubstr("list chains")));
  EXPECT_EQ(reading().state, std::nullopt);
}

TEST_F(NftReaderTest, AFullPassGoesOnWhereTheRefreshBeforeLeftIt) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    kernel_.expect({.question = rules_of(kServiceB), .before = [&] { kernel_.commit(); }});
  }
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  std::ignore = kernel_.questions();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation", "batch", "tables ipv4", "chains ipv4",
                                               rules_of("PREROUTING"), rules_of(kServiceB),
                                               "tables ipv6", "chains ipv6", "generation"));
}

TEST_F(NftReaderTest, RulesReadDuringATransactionAreReadAgainAfterIt) {
  settle();
  prepare_rule(kServiceA);
  add_rule(kServiceB);
  kernel_.commit();  // of somebody before, while the transaction waits
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  EXPECT_EQ(svc_rules(), 2U);

  commit_prepared(kServiceA);  // the use is what it was when the old rules were read
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(svc_rules(), 4U);
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
}

TEST_F(NftReaderTest, RulesOfAnEarlierGenerationAreNotServedAsThoseOfALater) {
  settle();
  prepare_rule(kServiceA);
  kernel_.commit();
  // Its rules are read before the commit, and the pass breaks off after them.
  kernel_.expect({.question = "chains ipv6", .before = [&] { commit_prepared(kServiceA); }});
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  EXPECT_EQ(svc_rules(), 2U);
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(svc_rules(), 3U);
}

TEST_F(NftReaderTest, ChainsThatTheKernelRepeatsAreNotCountedTwice) {
  settle();
  const NftKernel::Chain again = kernel_.chain(kServiceA);
  kernel_.add_chain(again).handle = again.handle;
  kernel_.commit();
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  EXPECT_EQ(rules(), 5U);
}

TEST_F(NftReaderTest, AKernelThatBeginsTheBatchInSilenceIsAskedOnce) {
  kernel_.expect(
      {.question = "batch", .failure = Error{.kind = ErrorKind::timeout, .message = {}}});
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  EXPECT_EQ(rules(), 5U);
  std::ignore = kernel_.questions();
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_THAT(kernel_.questions(), Not(Contains("batch")));
}

TEST_F(NftReaderTest, RulesThatTheKernelDoesNotShowYetAreNotServedAsNone) {
  settle();
  ++kernel_.table_handle;
  kernel_.commit();
  for (const std::string_view chain :
       {std::string_view{"PREROUTING"}, std::string_view{"KUBE-SERVICES"}, kServiceA, kServiceB}) {
    kernel_.expect({.question = rules_of(chain), .nothing = true});
  }
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  EXPECT_EQ(rules(), 5U);
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(rules(), 5U);
  EXPECT_EQ(reading().changes, 0U);
}

TEST_F(NftReaderTest, ChainsOfATableMadeAnewAreReadAgainThoughTheirNumbersAreTheSame) {
  settle();
  replace_rule(kServiceA);
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(reading().changes, 0U);

  ++kernel_.table_handle;
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, AReadingThatFailsWithoutAChangeIsMadeUpForByTheNext) {
  settle();
  kernel_.commit();
  kernel_.expect({.question = rules_of(kServiceA), .refusal = -EIO});
  EXPECT_THAT(refresh(kFullInterval), fails_with(ErrorKind::internal, HasSubstr("")));
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
}

TEST_F(NftReaderTest, ChainsThatVerdictMapsPointIntoAreTakenOnceTheNumbersStandStill) {
  kernel_.chain(kServiceA).other_users = 2;
  EXPECT_THAT(refresh(), fails_with(ErrorKind::torn, HasSubstr("")));
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
  std::ignore = kernel_.questions();

  add_rule(kServiceB);
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_THAT(kernel_.questions(), Not(Contains(rules_of(kServiceA))));
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
  EXPECT_EQ(svc_rules(), 3U);
}

TEST_F(NftReaderTest, ARuleReplacedByAnotherShowsAtTheNextFullPass) {
  kernel_.chain("KUBE-SERVICES").rules.push_back({.jump = ""});
  settle();
  replace_rule("KUBE-SERVICES", std::string{kServiceA});
  kernel_.commit();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(reading().changes, 0U);
  EXPECT_THAT(refresh(kFullInterval), is_refresh(RefreshKind::full));
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, WithoutACommitThereIsNoFullPass) {
  settle();
  EXPECT_THAT(refresh(kFullInterval), is_refresh(RefreshKind::incremental));  // the flow counters
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation", rules_of("PREROUTING")));
}

TEST_F(NftReaderTest, AChangeWhileAFullPassRunsIsLeftToTheNext) {
  settle();
  kernel_.commit();
  kernel_.expect({.question = rules_of(kServiceB), .before = [&] {
                    replace_rule(kServiceA);
                    kernel_.commit();
                  }});
  EXPECT_THAT(refresh(kFullInterval), is_refresh(RefreshKind::full));
  EXPECT_EQ(reading().changes, 0U);
  EXPECT_THAT(refresh(kFullInterval), is_refresh(RefreshKind::full));
  EXPECT_EQ(reading().changes, 1U);
}

TEST_F(NftReaderTest, WithoutPermissionTheStateIsDeniedAndNoFiguresAreServed) {
  settle();
  kernel_.expect({.question = "generation", .refusal = -EPERM});
  EXPECT_THAT(refresh(), fails_with(ErrorKind::denied, HasSubstr("generation")));
  EXPECT_EQ(reading().state, BackendState::denied);
  EXPECT_THAT(reading().tables, IsEmpty());

  EXPECT_THAT(refresh(), is_refresh(RefreshKind::full));
  EXPECT_EQ(reading().state, BackendState::rules);
  EXPECT_EQ(rules(), 5U);
  EXPECT_EQ(reading().changes, 0U);
}

TEST_F(NftReaderTest, WhatCouldNotBeReceivedIsAskedForOnAFreshSocket) {
  struct Case {
    const char* description;
    Error error;
  };
  const Case cases[] = {
      {.description = "the kernel dropped messages",
       .error = {.kind = ErrorKind::overrun, .errno_value = ENOBUFS, .message = "dropped"}},
      {.description = "no answer came",
       .error = {.kind = ErrorKind::timeout, .errno_value = ETIMEDOUT, .message = "silence"}},
      {.description = "a datagram larger than the buffer",
       .error = {.kind = ErrorKind::malformed, .errno_value = 0, .message = "too large"}},
  };
  settle();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.description);
    const std::uint32_t before = rules();
    const int opened = kernel_.times_opened();
    add_rule(kServiceA);
    kernel_.commit();
    kernel_.expect({.question = rules_of(kServiceA), .failure = c.error});
    EXPECT_THAT(refresh(), fails_with(c.error.kind, HasSubstr(c.error.message)));
    EXPECT_EQ(rules(), before);

    EXPECT_THAT(refresh(), has_value());
    EXPECT_EQ(rules(), before + 1);
    EXPECT_EQ(kernel_.times_opened(), opened + 1);
  }
}

TEST_F(NftReaderTest, AMessageThatDoesNotDecodeIsMalformedAndTheFiguresStand) {
  settle();
  struct Case {
    std::string question;
    std::uint8_t command;
  };
  const Case cases[] = {{.question = "generation", .command = NFT_MSG_NEWGEN},
                        {.question = "tables ipv4", .command = NFT_MSG_NEWTABLE},
                        {.question = "chains ipv4", .command = NFT_MSG_NEWCHAIN}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.question);
    kernel_.commit();
    kernel_.expect(
        {.question = c.question,
         .message =
             test::nft_message(c.command, AddressFamily::ipv4, kernel_.generation).message()});
    EXPECT_THAT(refresh(), fails_with(ErrorKind::malformed, HasSubstr("message")));
    EXPECT_EQ(rules(), 5U);
    EXPECT_THAT(refresh(), has_value());
  }
}

TEST_F(NftReaderTest, FlowCountersAreReadAtTheirOwnPace) {
  const std::string prerouting = rules_of("PREROUTING");
  kernel_.chain("PREROUTING").rules = {{.jump = ""}, {.jump = "KUBE-SERVICES", .packets = 7}};
  settle();
  EXPECT_EQ(reading().prerouting.value(), 7U);
  EXPECT_EQ(reading().output.value(), std::nullopt);

  kernel_.chain("PREROUTING").rules.at(1).packets = 9;
  EXPECT_THAT(refresh(1s), is_refresh(RefreshKind::unchanged));
  EXPECT_THAT(refresh(15s), is_refresh(RefreshKind::incremental));
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation", "generation", prerouting));
  EXPECT_EQ(reading().prerouting.value(), 9U);

  // Its rule was written anew, and counts from 0.
  kernel_.chain("PREROUTING").rules.at(1).packets = 3;
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(reading().prerouting.value(), 12U);
  EXPECT_EQ(reading().changes, 0U);
}

TEST_F(NftReaderTest, AChangeBeneathTheFlowCountersIsLeftToTheNextRefresh) {
  settle();
  kernel_.expect({.question = rules_of("PREROUTING"), .before = [&] {
                    add_rule(kServiceA);
                    kernel_.commit();
                  }});
  EXPECT_THAT(refresh(15s), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(rules(), 5U);
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::incremental));
  EXPECT_EQ(rules(), 6U);
}

// A Service with two endpoints, and what the reader tells of it.
class NftReaderServicesTest : public NftReaderTest {
 protected:
  static constexpr std::uint8_t kFirst = 1;
  static constexpr std::uint8_t kSecond = 2;
  static constexpr std::uint8_t kThird = 3;

  NftReaderServicesTest() {
    kernel_.chain("KUBE-SERVICES").rules = {dispatch(kServiceA, 1), dispatch(kServiceB, 2)};
    kernel_.chain(kServiceA).rules = {choose(kFirst), choose(kSecond)};
    kernel_.chain(kServiceB).rules = {choose(kThird)};
    for (const std::uint8_t endpoint : {kFirst, kSecond, kThird}) {
      add_endpoint(endpoint);
    }
    settle();
  }

  static test::ByteVector address(std::uint8_t last) {
    return {std::byte{10}, std::byte{0}, std::byte{0}, std::byte{last}};
  }
  // KUBE-SERVICES: the Service at 10.0.0.`last`, TCP port 80.
  static NftKernel::Rule dispatch(std::string_view chain, std::uint8_t last) {
    return {.jump = std::string{chain},
            .expressions = {
                test::nft_load_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 0),
                test::nft_compare(0, NFT_CMP_EQ, address(last)),
                test::nft_match(test::tcp_port(80, 80)),
            }};
  }
  static std::string chain_of(std::uint8_t endpoint) {
    return "KUBE-SEP-" + std::string(16, static_cast<char>('A' + endpoint));
  }
  static NftKernel::Rule choose(std::uint8_t endpoint) { return {.jump = chain_of(endpoint)}; }
  void add_endpoint(std::uint8_t endpoint) {
    const test::ByteVector to = address(static_cast<std::uint8_t>(100 + endpoint));
    kernel_.add_chain({.name = chain_of(endpoint)}).rules = {
        {.jump = "", .expressions = {test::nft_target(test::dnat(2, {to, to, 8080, 8080}))}}};
  }
  void remove_endpoint(std::uint8_t endpoint) { kernel_.remove_chain(chain_of(endpoint)); }

  [[nodiscard]] ServiceEndpoints::Told told() const {
    return endpoints_->all()[ServiceEndpoints::index(ServiceEndpoints::Source::iptables_nft, 0)];
  }
  [[nodiscard]] bool has_service(std::uint8_t service) const {
    return told().set->has_service(service_key(6, address(service), 80));
  }
  [[nodiscard]] bool has_endpoint(std::uint8_t service, std::uint8_t endpoint) const {
    return told().set->has_endpoint(
        endpoint_key(service_key(6, address(service), 80),
                     backend_key(address(static_cast<std::uint8_t>(100 + endpoint)), 8080)));
  }
};

TEST_F(NftReaderServicesTest, ServicesAndTheirEndpointsAreTold) {
  EXPECT_EQ(told().set->services(), 2U);
  EXPECT_EQ(told().set->endpoints(), 3U);
  EXPECT_TRUE(has_endpoint(1, kFirst));
  EXPECT_TRUE(has_endpoint(1, kSecond));
  EXPECT_TRUE(has_endpoint(2, kThird));
}

TEST_F(NftReaderServicesTest, AnUnchangedRulesetIsConfirmedWithOneQuestion) {
  const ServiceEndpoints::Told before = told();
  EXPECT_THAT(refresh(), is_refresh(RefreshKind::unchanged));
  EXPECT_THAT(kernel_.questions(), ElementsAre("generation"));
  EXPECT_EQ(told().set, before.set);
  EXPECT_GT(told().ticket, before.ticket);
  // So does a commit that changed nothing here.
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(told().set, before.set);
}

TEST_F(NftReaderServicesTest, AnEndpointInPlaceOfAnotherIsSeenAtOnce) {
  constexpr std::uint8_t kNew = 9;
  kernel_.chain(kServiceA).rules = {choose(kFirst), choose(kNew)};
  remove_endpoint(kSecond);
  add_endpoint(kNew);
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_TRUE(has_endpoint(1, kNew));
  EXPECT_FALSE(has_endpoint(1, kSecond));
  const auto questions = kernel_.questions();
  EXPECT_THAT(questions, Contains(rules_of(kServiceA)));
  EXPECT_THAT(questions, Not(Contains(rules_of(kServiceB))));
  EXPECT_THAT(questions, Not(Contains(rules_of("KUBE-SERVICES"))));
}

TEST_F(NftReaderServicesTest, SoItIsWhereTheOldOnesChainIsLeftBehind) {
  constexpr std::uint8_t kNew = 9;
  kernel_.chain(kServiceA).rules = {choose(kFirst), choose(kNew)};
  add_endpoint(kNew);
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_TRUE(has_endpoint(1, kNew));
  EXPECT_FALSE(has_endpoint(1, kSecond));
}

TEST_F(NftReaderServicesTest, SoItIsWhereTheFirstLookIsTorn) {
  constexpr std::uint8_t kNew = 9;
  kernel_.chain(kServiceA).rules = {choose(kFirst), choose(kNew)};
  remove_endpoint(kSecond);
  add_endpoint(kNew);
  kernel_.commit();
  kernel_.expect({.question = rules_of(chain_of(kNew)), .before = [&] { kernel_.commit(); }});
  EXPECT_THAT(refresh(), has_value());
  EXPECT_TRUE(has_endpoint(1, kNew));
}

TEST_F(NftReaderServicesTest, AServiceInPlaceOfAnotherIsSeenAtOnce) {
  const std::string service_c = "KUBE-SVC-CCCCCCCCCCCCCCCC";
  kernel_.chain("KUBE-SERVICES").rules = {dispatch(kServiceA, 1), dispatch(service_c, 3)};
  kernel_.add_chain({.name = service_c}).rules = {choose(kThird)};
  for (const bool chain_stays : {true, false}) {
    SCOPED_TRACE(chain_stays);
    if (!chain_stays) {
      kernel_.remove_chain(kServiceB);
    }
    kernel_.commit();
    EXPECT_THAT(refresh(), has_value());
    EXPECT_FALSE(has_service(2));
    EXPECT_TRUE(has_endpoint(3, kThird));
  }
}

TEST_F(NftReaderServicesTest, SoItIsWhereALookAtItIsTorn) {
  const std::string service_c = "KUBE-SVC-CCCCCCCCCCCCCCCC";
  kernel_.chain("KUBE-SERVICES").rules = {dispatch(kServiceA, 1), dispatch(service_c, 3)};
  kernel_.add_chain({.name = service_c}).rules = {choose(kThird)};
  kernel_.remove_chain(kServiceB);
  kernel_.commit();
  kernel_.expect({.question = rules_of(service_c), .before = [&] { kernel_.commit(); }});
  EXPECT_THAT(refresh(), has_value());
  EXPECT_FALSE(has_service(2));
  EXPECT_TRUE(has_endpoint(3, kThird));
}

TEST_F(NftReaderServicesTest, AServiceThatIsNotUnderstoodIsNotTold) {
  kernel_.chain(chain_of(kThird)).rules = {
      {.jump = "", .expressions = {test::nft_target({.name = "DNAT"})}}, {.jump = ""}};
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_FALSE(has_service(2));
  EXPECT_TRUE(has_service(1));
}

TEST_F(NftReaderServicesTest, WithoutTablesNothingIsLeft) {
  for (const std::string_view chain :
       {std::string_view{"PREROUTING"}, std::string_view{"KUBE-SERVICES"}, kServiceA, kServiceB}) {
    kernel_.remove_chain(chain);
  }
  for (const std::uint8_t endpoint : {kFirst, kSecond, kThird}) {
    remove_endpoint(endpoint);
  }
  kernel_.commit();
  EXPECT_THAT(refresh(), has_value());
  EXPECT_EQ(told().set->services(), 0U);
}

TEST(NftReader, AKernelWithoutNfTablesIsNotAsked) {
  if (module_loaded("nf_tables")) {
    GTEST_SKIP() << "sysfs shows nf_tables loaded here";
  }
  struct Case {
    std::string_view config;
    BackendState state;
  };
  for (const Case& c :
       {Case{.config = "CONFIG_NF_TABLES=m", .state = BackendState::not_loaded},
        Case{.config = "# CONFIG_NF_TABLES is not set", .state = BackendState::not_built}}) {
    SCOPED_TRACE(c.config);
    NftKernel kernel;
    const Procfs procfs{c.config};
    NftReader reader{kernel.transport(), procfs.path(), kFullInterval};
    EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::full));
    EXPECT_THAT(reader.refresh({}), is_refresh(RefreshKind::unchanged));
    for (const AddressFamily family : kAddressFamilies) {
      EXPECT_EQ(reader.reading(family).state, c.state);
    }
    EXPECT_EQ(kernel.times_opened(), 0);
  }
}

}  // namespace
}  // namespace kubecliff::iptables
