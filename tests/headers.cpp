// Nothing: what tests/CMakeLists.txt hangs the precompiled headers of all tests on.
