#include "exporter/once/once.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/fake_collector.h"

namespace kubecliff {
namespace {

using test::fake_spec;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr FamilySpec kValue{.name = "kubecliff_value", .help = "."};

// Settings in which all of them are on.
Settings all_on(const std::vector<CollectorSpec>& specs) {
  Settings settings;
  for (const CollectorSpec& spec : specs) {
    settings.collectors.emplace(spec.name, Options{});
  }
  return settings;
}

test::RefreshFunction serves(double value) {
  return [value](Clock::time_point /*now*/, Samples& out) {
    out.add(kValue, value);
    return RefreshKind::full;
  };
}

double value_of(const SnapshotPtr& snapshot) {
  return snapshot->families.front().metric.front().gauge.value;
}

TEST(Once, AsksInOrderThoseThatAreOnAndNamed) {
  std::vector<std::string> asked;
  const auto tells = [&](std::string_view name) {
    return fake_spec(name, Schedule::background, [&asked, name](auto now, Samples& out) {
      asked.emplace_back(name);
      return serves(1)(now, out);
    });
  };
  const std::vector specs{tells("a"), tells("b"), tells("c"), tells("d")};
  Settings settings = all_on(specs);
  settings.collectors.erase("c");
  const std::vector<std::string_view> names{"d", "c", "b"};
  Once once{settings, specs, names};
  EXPECT_THAT(once.ask(), SizeIs(2));
  EXPECT_THAT(asked, ElementsAre("b", "d"));
  EXPECT_THAT(once.failures(), ElementsAre("collector c: switched off"));

  asked.clear();
  Once all{settings, specs};
  EXPECT_THAT(all.ask(), SizeIs(3));
  EXPECT_THAT(asked, ElementsAre("a", "b", "d"));
  EXPECT_THAT(all.failures(), IsEmpty());
}

TEST(Once, GoesOnBesideThoseThatFail) {
  CollectorSpec refused = fake_spec("refused", Schedule::background, serves(1));
  refused.make = [](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    return fail(ErrorKind::denied, "needs CAP_NET_ADMIN");
  };
  CollectorSpec broken = fake_spec("broken", Schedule::background, serves(1));
  broken.make = [](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    throw std::runtime_error{"no memory"};
  };
  const std::vector specs{refused,
                          broken,
                          fake_spec("fails", Schedule::background,
                                    [](auto /*now*/, Samples& out) -> Result<RefreshKind> {
                                      out.add(kValue, 1);
                                      return fail(ErrorKind::torn, "it changed");
                                    }),
                          fake_spec("throws", Schedule::background,
                                    [](auto /*now*/, Samples& /*out*/) -> Result<RefreshKind> {
                                      throw std::runtime_error{"boom"};
                                    }),
                          fake_spec("misses", Schedule::background,
                                    [](auto now, Samples& out) {
                                      out.miss({.message = "half of it"});
                                      return serves(2)(now, out);
                                    }),
                          fake_spec("works", Schedule::background, serves(3))};
  Once once{all_on(specs), specs};
  const auto snapshots = once.ask();
  ASSERT_THAT(snapshots, SizeIs(2));
  EXPECT_EQ(value_of(snapshots[0]), 2);
  EXPECT_EQ(value_of(snapshots[1]), 3);
  EXPECT_THAT(once.failures(),
              ElementsAre("collector refused: needs CAP_NET_ADMIN", "collector broken: no memory",
                          "collector fails: it changed", "collector throws: boom",
                          "collector misses: half of it"));
}

TEST(Once, KeepsWhatIsUnchangedAndServesNothingWhileItFails) {
  int turn = 0;
  const std::vector specs{
      fake_spec("a", Schedule::background, [&turn](auto now, Samples& out) -> Result<RefreshKind> {
        switch (turn++) {
          case 0:
            return serves(7)(now, out);
          case 1:
            return RefreshKind::unchanged;
          case 2:
            return fail(ErrorKind::unavailable, "it is gone");
          default:
            return RefreshKind::unchanged;
        }
      })};
  Once once{all_on(specs), specs};
  EXPECT_EQ(value_of(once.ask().front()), 7);
  EXPECT_EQ(value_of(once.ask().front()), 7);
  EXPECT_THAT(once.ask(), IsEmpty());
  EXPECT_THAT(once.failures(), ElementsAre("collector a: it is gone"));
  // Since the last that was served, as the collector says.
  ASSERT_THAT(once.ask(), SizeIs(1));
  EXPECT_THAT(once.failures(), IsEmpty());
}

// Its descriptor is readable until it is called.
class EventfulCollector final : public Collector {
 public:
  EventfulCollector(int& calls, bool throws) : calls_{calls}, throws_{throws} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& /*out*/) override {
    return RefreshKind::full;
  }
  [[nodiscard]] int events() const override { return event_.get(); }
  void on_events() override {
    ++calls_;
    if (throws_) {
      throw std::runtime_error{"boom"};
    }
    std::uint64_t count = 0;
    std::ignore = ::read(event_.get(), &count, sizeof count);
  }

 private:
  int& calls_;
  bool throws_;
  UniqueFd event_{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
};

TEST(Once, WhileItWaitsEventsAreTakenIn) {
  for (const bool throws : {false, true}) {
    int calls = 0;
    CollectorSpec spec = fake_spec("a", Schedule::events, serves(1));
    spec.make = [&](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
      return std::make_unique<EventfulCollector>(calls, throws);
    };
    const std::vector specs{spec};
    Once once{all_on(specs), specs};
    const Clock::time_point began = Clock::now();
    once.wait(std::chrono::milliseconds{20});
    EXPECT_EQ(calls, 1);
    EXPECT_GE(Clock::now() - began, std::chrono::milliseconds{20});
  }
}

}  // namespace
}  // namespace kubecliff
