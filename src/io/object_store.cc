// s3://, gs:// and az:// by Arrow's file systems (remote.h).
#include <arrow/config.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/table.h>  // beside hayate::Table a mere declaration of Arrow's looks like a mistake to clang-tidy
#include <dlfcn.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "io/arrow_module.h"

namespace hayate::io {
namespace {

/// az://container/path is what Arrow calls abfs://container@account.dfs.core.windows.net/path.
Result<std::string> arrow_uri(const std::string& url) {
  if (!url.starts_with("az://")) return url;
  const char* account = std::getenv("AZURE_STORAGE_ACCOUNT");
  if (!account || !*account) return Error{Kind::usage, "nothing says which storage account", url, "set AZURE_STORAGE_ACCOUNT"};
  const std::string rest = url.substr(5);
  const size_t slash = std::min(rest.find('/'), rest.size());
  return fmt::format("abfs://{}@{}.dfs.core.windows.net{}", rest.substr(0, slash), account, rest.substr(slash));
}

Error store_error(const arrow::Status& status, const std::string& url) {
  std::string what = status.message();
  what = what.substr(0, what.find('\n'));
  return {Kind::io, what, url, "check the address, the credentials and the network"};
}

/// Stores that Arrow keeps in libraries of their own are loaded from where Arrow itself lies.
struct Stores {
  Stores() {
    Dl_info arrow{};
    if (::dladdr(reinterpret_cast<const void*>(&arrow::GetBuildInfo), &arrow) == 0 || !arrow.dli_fname) return;
    const std::filesystem::path library(arrow.dli_fname);
    const std::string name = library.filename();  // libarrow.so.2600
    const std::string s3 = library.parent_path() / ("libarrow_s3" + name.substr(std::min(name.find('.'), name.size())));
    std::error_code ignored;
    if (!std::filesystem::exists(s3, ignored) || !arrow::fs::LoadFileSystemFactories(s3.c_str()).ok()) return;
    // Arrow's own EnsureFinalized leaves the threads of a loaded store running.
    void* loaded = ::dlopen(s3.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (loaded) end_s3 = reinterpret_cast<EndS3>(::dlsym(loaded, "_ZN5arrow2fs17EnsureS3FinalizedEv"));
  }
  using EndS3 = arrow::Status (*)();
  EndS3 end_s3 = nullptr;
};

/// Ends the threads of stores. Made after the first store was opened, so that at exit it goes before what they stand on.
struct StoresEnd {
  Stores::EndS3 end_s3;
  ~StoresEnd() {
    if (end_s3) (void)end_s3();
    arrow::fs::EnsureFinalized();
  }
};

/// Paths in the store that `path` stands for.
Result<std::vector<std::string>> find_paths(arrow::fs::FileSystem& store, const std::string& path, const std::string& url) {
  const bool pattern = path.find_first_of("*?[") != std::string::npos;
  arrow::fs::FileSelector selector;
  selector.base_dir = path, selector.recursive = true;
  if (pattern) {
    selector.base_dir = path.substr(0, std::min(path.rfind('/'), path.size())), selector.recursive = false;
    if (selector.base_dir.find_first_of("*?[") != std::string::npos)
      return usage_error("only the last part of the path may be a glob", url, "name one folder at a time");
  } else {
    const auto info = store.GetFileInfo(path);
    if (!info.ok()) return store_error(info.status(), url);
    if (info->type() == arrow::fs::FileType::File) return std::vector<std::string>{path};
    if (info->type() != arrow::fs::FileType::Directory) return input_error("no such file", url, "check the address; globs and folders are taken too");
  }
  const auto found = store.GetFileInfo(selector);
  if (!found.ok()) return store_error(found.status(), url);
  std::vector<std::string> out;
  for (const arrow::fs::FileInfo& info : *found) {
    if (!info.IsFile()) continue;
    const bool wanted = pattern ? ::fnmatch(path.c_str(), info.path().c_str(), FNM_PATHNAME) == 0 : kind_of(info.path()).ok();
    if (wanted) out.push_back(info.path());
  }
  if (out.empty()) return input_error("nothing there has a known extension or fits the pattern", url, "check the address");
  std::sort(out.begin(), out.end());
  return out;
}

/// An upload. Without publish() nothing appears.
class StoreSink final : public ByteSink {
 public:
  StoreSink(std::shared_ptr<arrow::io::OutputStream> stream, std::string url) : stream_(std::move(stream)), url_(std::move(url)) {}
  ~StoreSink() override {
    if (stream_) (void)stream_->Abort();
  }
  Result<void> write(const void* data, size_t size) override {
    const arrow::Status status = stream_->Write(data, int64_t(size));
    return status.ok() ? Result<void>() : store_error(status, url_);
  }
  Result<void> publish() override {
    const arrow::Status status = std::exchange(stream_, nullptr)->Close();
    return status.ok() ? Result<void>() : store_error(status, url_);
  }

 private:
  std::shared_ptr<arrow::io::OutputStream> stream_;
  const std::string url_;
};

class ArrowStore final : public ObjectStore {
 public:
  ArrowStore(std::shared_ptr<arrow::fs::FileSystem> store, std::string path, std::string url)
      : store_(std::move(store)), path_(std::move(path)), url_(std::move(url)) {}

  Result<std::vector<std::string>> list() override { return find_paths(*store_, path_, url_); }
  Result<void> read(const std::string& path, const std::string& url, const std::function<Result<void>(const char*, size_t)>& take) override {
    auto stream = store_->OpenInputStream(path);
    if (!stream.ok()) return store_error(stream.status(), url);
    std::vector<char> piece(size_t{1} << 20);
    while (true) {
      const auto got = (*stream)->Read(int64_t(piece.size()), piece.data());
      if (!got.ok()) return store_error(got.status(), url);
      if (*got == 0) return {};
      HY_CHECK(take(piece.data(), size_t(*got)));
    }
  }
  Result<std::unique_ptr<ByteSink>> write() override {
    auto stream = store_->OpenOutputStream(path_);
    if (!stream.ok()) return store_error(stream.status(), url_);
    return std::unique_ptr<ByteSink>(std::make_unique<StoreSink>(*stream, url_));
  }

 private:
  std::shared_ptr<arrow::fs::FileSystem> store_;
  const std::string path_, url_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> with_arrow::open_store(const std::string& url) {
  HY_TRY(const std::string uri, arrow_uri(url));
  static const Stores stores;
  std::string path;
  auto store = arrow::fs::FileSystemFromUri(uri, &path);
  static const StoresEnd end{stores.end_s3};
  if (!store.ok()) return store_error(store.status(), url);
  return std::unique_ptr<ObjectStore>(std::make_unique<ArrowStore>(*store, std::move(path), url));
}

}  // namespace hayate::io
