// libcurl, loaded when the first collector that needs it starts.
//
// It brings thirty other libraries along, which make 9.5 MiB resident: more than a third of what
// kubecliff may take, and most nodes run no collector that asks anybody anything over HTTP.
#pragma once

#include <string>

#include <curl/curl.h>

#include "collectors/core/result.h"

namespace kubecliff::curl {

// The functions of libcurl that are used here, with libcurl's own types.
struct Library {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_info_read) multi_info_read;
};

// Loads it on the first call; stays for as long as the process. Any thread may call it.
// Errors: unavailable, where it is not installed.
[[nodiscard]] Result<const Library*> library();

}  // namespace kubecliff::curl
