#include "exporter/evidence/kernel_log.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::evidence {
namespace {

TEST(LogLine, IsThatOfDmesg) {
  EXPECT_EQ(
      log_line("4,1234,38628380716,-;nf_conntrack: nf_conntrack: table full, dropping packet\n"
               " SUBSYSTEM=net\n"),
      "[38628.380716] nf_conntrack: nf_conntrack: table full, dropping packet");
  EXPECT_EQ(log_line("3,1,7,c,caller=T1;neighbour: arp_cache: neighbor table overflow!\n"),
            "[0.000007] neighbour: arp_cache: neighbor table overflow!");
}

TEST(LogLine, OfSomethingElseIsNone) {
  for (const auto* record :
       {"6,1,2,-;usb 1-1: new device\n", "", "nf_conntrack", "6,1;nf_conntrack: full\n",
        "6,1,x,-;nf_conntrack: full\n", "6,1,-2,-;nf_conntrack: full\n"}) {
    EXPECT_EQ(log_line(record), std::nullopt) << record;
  }
}

TEST(LogLine, HasNoControlCharacters) {
  EXPECT_EQ(log_line("6,1,2,-;Killed process 7 (a\x1b[31m)\n"),
            "[0.000002] Killed process 7 (a?[31m)");
  const auto line = log_line("6,1,2,-;nf_tables " + std::string(5'000, 'x'));
  ASSERT_TRUE(line);
  EXPECT_LT(line->size(), 1'100);
}

TEST(ProgramIn, IsWhatALineOnMemoryNames) {
  EXPECT_EQ(program_in("[1.000000] Out of memory: Killed process 4711 (cart-server) total-vm:1kB"),
            "cart-server");
  EXPECT_EQ(program_in("[1.000000] cart-server invoked oom-killer: gfp_mask=0x0"), "cart-server");
  EXPECT_EQ(program_in("[1.000000] oom-kill:constraint=NONE,task=cart-server,pid=1,uid=0"),
            "cart-server");
  EXPECT_EQ(program_in("[1.000000] nf_conntrack: table full"), "");
}

}  // namespace
}  // namespace kubecliff::evidence
