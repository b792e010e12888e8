// The fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles the fuzzer in under a
// name of its own in place of LLVMFuzzerTestOneInput.
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"

extern "C" int fuzz_netlink(const std::uint8_t* data, std::size_t size);

namespace {

TEST(Corpus, OfNetlinkFramingIsTakenWithoutAnAccident) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{std::filesystem::path{FUZZ_FOLDER} / "corpus_netlink"}) {
    const auto input = kubecliff::test::read_bytes(entry.path());
    EXPECT_EQ(fuzz_netlink(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
    ++files;
  }
  EXPECT_GT(files, 0);
}

}  // namespace
