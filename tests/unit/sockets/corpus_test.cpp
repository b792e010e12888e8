// The fuzzer's corpus, replayed.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" int fuzz_decode_sockets(const std::uint8_t* data, std::size_t size);

namespace kubecliff::sockets {
namespace {

TEST(Corpus, IsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_decode_sockets,
                     std::filesystem::path{FUZZ_FOLDER} / "corpus_decode_sockets");
}

}  // namespace
}  // namespace kubecliff::sockets
