// A fuzzer's corpus, replayed as an ordinary test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace kubecliff::test {

using Fuzzer = int (*)(const std::uint8_t* data, std::size_t size);

// Expects that the fuzzer takes every file of the folder, of which there must be one.
void expect_taken(Fuzzer fuzzer, const std::filesystem::path& folder);

}  // namespace kubecliff::test
