#include "io/remote.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <type_traits>
#include <utility>

#include "base/strings.h"
#include "io/arrow_module.h"
#include "io/scratch_folder.h"

namespace hayate::io {
namespace {

constexpr std::string_view kSchemes[] = {"http://", "https://", "s3://", "gs://", "az://"};

bool is_http(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

/// Where copies go, and what each is a copy of.
class Copies {
 public:
  /// The place for a copy of `url`: its host and path become folders.
  Result<std::string> place_for(const std::string& url) {
    const std::lock_guard lock(mutex_);
    if (folder_.path.empty()) return Error{Kind::io, "no temporary folder can be made", url, "set TMPDIR to a folder that can be written to"};
    std::string plain = url.substr(0, url.find_first_of("?#"));
    const size_t host = plain.find("://") + 3, at_sign = plain.find('@', host);
    if (at_sign < plain.find('/', host)) plain.erase(host, at_sign + 1 - host);  // a name and a password are nobody's business
    std::string relative = plain.substr(host);
    for (size_t at; (at = relative.find("..")) != std::string::npos;) relative.replace(at, 2, "__");
    const std::string path = folder_ / relative;
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
    if (failed) return Error{Kind::io, failed.message(), url, "set TMPDIR to a folder that can be written to"};
    names_.emplace_back(path, plain);
    return path;
  }
  std::string shown(std::string text) {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, url] : names_)
      if (const size_t at = text.find(path); at != std::string::npos) text.replace(at, path.size(), url);
    return text;
  }

 private:
  std::mutex mutex_;
  ScratchFolder folder_;
  std::vector<std::pair<std::string, std::string>> names_;
};

std::atomic<bool> began = false;  // see ends_at_exit
bool copied = false;              // whether copies() was called: an error without remote inputs makes no folder
Copies& copies() {
  static Copies all;
  copied = true;
  return all;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Result<File> create(const std::string& path, const std::string& url) {
  File file(std::fopen(path.c_str(), "wbx"));
  if (!file) file.reset(std::fopen(path.c_str(), "wb"));
  if (!file) return Error{Kind::io, "no temporary file can be made", url, "set TMPDIR to a folder that can be written to"};
  return file;
}

Error no_room(const std::string& url) { return {Kind::io, "no space left for a copy", url, "free some space, or set TMPDIR to another folder"}; }

/// libcurl, loaded when the first address is read: linked in the usual way, its TLS libraries take a third of the time in which the
/// command starts.
struct Curl {
  decltype(&curl_easy_init) init = nullptr;
  decltype(&curl_easy_setopt) set = nullptr;
  decltype(&curl_easy_perform) perform = nullptr;
  decltype(&curl_easy_getinfo) get = nullptr;
  decltype(&curl_easy_strerror) words = nullptr;
  decltype(&curl_easy_cleanup) cleanup = nullptr;
  bool ready = false;

  Curl() {
    void* library = ::dlopen("libcurl.so.4", RTLD_NOW);
    if (!library) return;
    decltype(&curl_global_init) global = nullptr;
    const auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      return function != nullptr;
    };
    ready = find("curl_global_init", global) && find("curl_easy_init", init) && find("curl_easy_setopt", set) && find("curl_easy_perform", perform) &&
            find("curl_easy_getinfo", get) && find("curl_easy_strerror", words) && find("curl_easy_cleanup", cleanup) &&
            global(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }
};
const Curl& curl() {
  static const Curl library;
  return library;
}

size_t write_to_file(char* data, size_t size, size_t count, void* file) { return std::fwrite(data, size, count, static_cast<std::FILE*>(file)); }

struct EndTransfer {
  void operator()(CURL* transfer) const { curl().cleanup(transfer); }
};

Result<void> download(const std::string& url, const std::string& path) {
  const std::unique_ptr<CURL, EndTransfer> transfer(curl().ready ? curl().init() : nullptr);
  if (!transfer) return Error{Kind::io, "libcurl cannot be loaded", url, "install libcurl4, or download the file first"};
  HY_TRY(const File file, create(path, url));
  char why[CURL_ERROR_SIZE] = "";
  const auto set = [&](CURLoption option, auto value) { curl().set(transfer.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_WRITEFUNCTION, write_to_file);
  set(CURLOPT_WRITEDATA, file.get());
  set(CURLOPT_ERRORBUFFER, why);
  set(CURLOPT_FOLLOWLOCATION, 1L), set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_PROTOCOLS_STR, "http,https"), set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_CONNECTTIMEOUT, 30L);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L), set(CURLOPT_LOW_SPEED_TIME, 60L);  // a minute without a byte
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "hayate");
  const CURLcode code = curl().perform(transfer.get());
  long status = 0;
  curl().get(transfer.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_WRITE_ERROR || (code == CURLE_OK && std::fflush(file.get()) != 0)) return no_room(url);
  if (code != CURLE_OK)
    return Error{Kind::io, fmt::format("cannot be downloaded: {}", *why ? why : curl().words(code)), url, "check the address and the network"};
  if (status >= 400)
    return Error{status == 404 ? Kind::input : Kind::io, fmt::format("the server answers {}", status), url,
                 status == 401 || status == 403 ? "the server wants a login; download the file first" : "check the address"};
  return {};
}

Result<std::unique_ptr<ObjectStore>> open_store(const std::string& url) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(url));
  return arrow->open_store(url);
}

Result<void> copy(ObjectStore& store, const std::string& from, const std::string& to, const std::string& url) {
  HY_TRY(const File file, create(to, url));
  HY_CHECK(store.read(
      from, url, [&](const char* piece, size_t size) { return std::fwrite(piece, 1, size, file.get()) == size ? Result<void>() : no_room(url); }));
  return std::fflush(file.get()) == 0 ? Result<void>() : no_room(url);
}

}  // namespace

bool is_remote(std::string_view path) {
  return std::any_of(std::begin(kSchemes), std::end(kSchemes), [&](std::string_view scheme) { return path.starts_with(scheme); });
}

bool ends_at_exit() { return began; }

Result<std::vector<std::string>> fetch(const std::string& url) {
  began = true;
  if (is_http(url)) {
    HY_TRY(const std::string path, copies().place_for(url));
    HY_CHECK(download(url, path));
    return std::vector<std::string>{path};
  }
  HY_TRY(const auto store, open_store(url));
  HY_TRY(const auto found, store->list());
  const std::string scheme = url.substr(0, url.find("://") + 3);
  std::vector<std::string> out;
  for (const std::string& path : found) {
    HY_TRY(out.emplace_back(), copies().place_for(scheme + path));
    HY_CHECK(copy(*store, path, out.back(), scheme + path));
  }
  return out;
}

std::string with_remote_names(std::string text) { return copied ? copies().shown(std::move(text)) : text; }

Result<std::unique_ptr<ByteSink>> remote_sink(const std::string& url) {
  began = true;
  if (is_http(url)) return usage_error("nothing can be written to a web server", url, "write a file, or to s3://, gs:// or az://");
  HY_TRY(const auto store, open_store(url));
  return store->write();
}

}  // namespace hayate::io
