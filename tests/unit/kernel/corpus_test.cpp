// The fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles the fuzzer in under a
// name of its own in place of LLVMFuzzerTestOneInput.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" int fuzz_netlink(const std::uint8_t* data, std::size_t size);

namespace {

TEST(Corpus, OfNetlinkFramingIsTakenWithoutAnAccident) {
  kubecliff::test::expect_taken(fuzz_netlink,
                                std::filesystem::path{FUZZ_FOLDER} / "corpus_netlink");
}

}  // namespace
