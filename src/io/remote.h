// Tables that lie elsewhere: http(s):// by libcurl, s3://, gs:// and az:// by Arrow's file systems.
//
// An input is copied to a temporary folder before anything reads it, and read like any local file: every format, chunk reader and
// retry works on it, nothing is fetched twice by the passes that readers make, and a network that breaks is an error before work
// begins. It costs the disk space of the file in $TMPDIR, which is given back when the process ends. Copies keep their names, so that
// kinds, symbols and key=value folders are told from them.
//
// An output of an object store is uploaded while it is written and appears, whole, when it is finished.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "io/files.h"

namespace hayate::io {

/// Begins with http://, https://, s3://, gs:// or az://.
bool is_remote(std::string_view path);

/// Local copies of what `url` names: a file; for object stores also a glob (in the last part of the path) or a folder, which stands for
/// all files below it with a known extension. Credentials come from where the tools of each store look (AWS_ACCESS_KEY_ID, ~/.aws,
/// GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT and so on). Errors are of kind io and name the URL.
Result<std::vector<std::string>> fetch(const std::string& url);

/// `text` (an error's place) with the names of copies put back to what was asked for.
std::string with_remote_names(std::string text);

/// Whether fetch() or remote_sink() was called: copies are given back, and the threads of stores end, when the process returns from main.
bool ends_at_exit();

/// Where an output goes. http(s) is a usage Error.
Result<std::unique_ptr<ByteSink>> remote_sink(const std::string& url);

}  // namespace hayate::io
