#include "exporter/evidence/kernel_log.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/split.h"
#include "exporter/evidence/redact.h"

namespace kubecliff::evidence {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST(NamesIn, AreThoseOfProgramsAndControlGroups) {
  for (const auto& [line, names] :
       {std::pair<std::string_view, std::vector<std::string_view>>{
            "[1.000000] Out of memory: Killed process 4711 (cart-server) total-vm:1kB",
            {"cart-server"}},
        {"[1.000000] Out of memory: Kill process 4711 (cart-server) score 9 or sacrifice child",
         {"cart-server"}},
        {"[1.000000] oom_reaper: reaped process 4711 ((cart) server), now anon-rss:0kB",
         {"(cart) server"}},
        {"[1.000000] oom_reaper: unable to reap pid:4711 (cart-server)", {"cart-server"}},
        {"[1.000000] cart-server invoked oom-killer: gfp_mask=0x0", {"cart-server"}},
        {"[1.000000] cart.server: page allocation failure: order:4, mode:0x40c40(GFP_NOFS), "
         "nodemask=(null),cpuset=shop,mems_allowed=0",
         {"cart", "server", "shop"}},
        {"[1.000000] kworker/3:2: page allocation stalls for 10000ms, order:0", {"kworker", "3:2"}},
        {"[1.000000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
         "oom_memcg=/shop.slice,task_memcg=/shop.slice/cart_server.service,task=java,pid=1,uid=0",
         {"shop", "slice", "shop", "slice", "cart_server.service", "java"}},
        {"[1.000000] oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/lxc/shop",
         {"lxc", "shop"}},
        {"[1.000000] nf_conntrack: table full", {}}}) {
    EXPECT_EQ(names_in(line), names) << line;
  }
}

TEST(NamesIn, AreAllThatHasToBeRedacted) {
  constexpr std::string_view kLog =
      "[1.000000] acme-billing: page allocation failure: order:4, mode:0xdc0,cpuset=acme-set,"
      "mems_allowed=0\n"
      "[1.000000] oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/acme_one.slice,task_memcg="
      "/acme_one.slice/acme-billing.service,task=java,pid=1,uid=0\n"
      "[1.000000] oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/kubepods.slice/"
      "kubepods-burstable.slice/kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice/"
      "cri-containerd-0123456789abcdef0123456789abcdef.scope,task=kworker,pid=1,uid=0\n"
      "[1.000000] oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/kubepods/besteffort/"
      "pod0123456789abcdef0123456789abcdef/acme-abcdef0123456789abcdef0123456789,task=kworker\n"
      "[1.000000] oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/machine.slice/"
      "machine-qemu\\x5cx2d1\\x5cx2dacme.scope,task=kworker,pid=1,uid=0\n";
  Redactor redactor;
  for (const std::string_view line : split(kLog, "\n")) {
    for (const std::string_view name : names_in(line)) {
      redactor.learn(name);
    }
  }
  const std::string redacted = redactor.apply(kLog);
  EXPECT_THAT(redacted, Not(HasSubstr("acme")));
  EXPECT_THAT(redacted, HasSubstr("/kubepods.slice/kubepods-burstable.slice/"
                                  "kubepods-burstable-podID-1.slice/cri-containerd-ID-2.scope,"
                                  "task=kworker,"));
  EXPECT_THAT(redacted, HasSubstr("/kubepods/besteffort/podID-2/NAME-"));
  EXPECT_THAT(redacted, HasSubstr("/machine.slice/machine-qemu"));
}

}  // namespace
}  // namespace kubecliff::evidence
