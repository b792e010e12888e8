#include "collectors/curl/library.h"

#include <dlfcn.h>

#include <string_view>

namespace kubecliff::curl {
namespace {

constexpr const char* kFile = "libcurl.so.4";

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));  // as POSIX has it for functions
  return function != nullptr;
}

std::string last_error() {
  const char* error = ::dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps one per thread
  return error == nullptr ? "" : error;
}

Result<Library> load() {
  void* handle = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return fail(ErrorKind::unavailable,
                "libcurl cannot be loaded: " + last_error() + "; Debian has it in libcurl4");
  }
  Library found{};
  decltype(&::curl_global_init) global_init = nullptr;
  if (!find(handle, "curl_global_init", global_init) ||
      !find(handle, "curl_easy_init", found.easy_init) ||
      !find(handle, "curl_easy_cleanup", found.easy_cleanup) ||
      !find(handle, "curl_easy_setopt", found.easy_setopt) ||
      !find(handle, "curl_easy_perform", found.easy_perform) ||
      !find(handle, "curl_easy_getinfo", found.easy_getinfo) ||
      !find(handle, "curl_easy_strerror", found.easy_strerror) ||
      !find(handle, "curl_slist_append", found.slist_append) ||
      !find(handle, "curl_slist_free_all", found.slist_free_all) ||
      !find(handle, "curl_multi_init", found.multi_init) ||
      !find(handle, "curl_multi_cleanup", found.multi_cleanup) ||
      !find(handle, "curl_multi_setopt", found.multi_setopt) ||
      !find(handle, "curl_multi_add_handle", found.multi_add_handle) ||
      !find(handle, "curl_multi_remove_handle", found.multi_remove_handle) ||
      !find(handle, "curl_multi_socket_action", found.multi_socket_action) ||
      !find(handle, "curl_multi_info_read", found.multi_info_read)) {
    return fail(ErrorKind::unavailable, std::string{kFile} + ": " + last_error());
  }
  if (const CURLcode code = global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return fail(ErrorKind::internal, std::string{"curl_global_init: "} + found.easy_strerror(code));
  }
  return found;
}

}  // namespace

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return &*loaded;
}

}  // namespace kubecliff::curl
