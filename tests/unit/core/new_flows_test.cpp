#include "collectors/core/new_flows.h"

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

constexpr std::size_t kLegacy = 0;
constexpr std::size_t kNft = 1;
constexpr std::size_t kIpv4 = 0;
constexpr std::size_t kIpv6 = 1;

TEST(NewFlowsSince, ATotalNobodyToldIsNone) {
  NewFlows flows;
  NewFlowsSince since;
  EXPECT_EQ(since.look(flows, kIpv4), std::nullopt);
  flows.tell(kNft, kIpv6, 7);
  EXPECT_EQ(since.look(flows, kIpv4), std::nullopt);
}

TEST(NewFlowsSince, WhatCameBeforeTheFirstLookIsNotCounted) {
  NewFlows flows;
  NewFlowsSince since;
  flows.tell(kNft, kIpv4, 1'000);
  EXPECT_EQ(since.look(flows, kIpv4), 0U);
  flows.tell(kNft, kIpv4, 1'250);
  EXPECT_EQ(since.look(flows, kIpv4), 250U);
  EXPECT_EQ(since.look(flows, kIpv4), 0U);
}

TEST(NewFlowsSince, ATotalThatBeganAnewIsAllNew) {
  NewFlows flows;
  NewFlowsSince since;
  flows.tell(kNft, kIpv4, 1'000);
  since.look(flows, kIpv4);
  flows.tell(kNft, kIpv4, 40);
  EXPECT_EQ(since.look(flows, kIpv4), 40U);
}

TEST(NewFlowsSince, AFlowThatPassesBothBackendsIsOne) {
  NewFlows flows;
  NewFlowsSince since;
  flows.tell(kLegacy, kIpv4, 100);
  flows.tell(kNft, kIpv4, 500);
  since.look(flows, kIpv4);
  flows.tell(kLegacy, kIpv4, 130);
  flows.tell(kNft, kIpv4, 520);
  EXPECT_EQ(since.look(flows, kIpv4), 30U);
}

}  // namespace
}  // namespace kubecliff
