#include "plan/tuning_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/error.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;  // some hundred thousand records

[[noreturn]] void fail_writing(const fs::path& path) {
  fail(ErrorCode::kIo, "cannot write " + path.string() + ": " + std::strerror(errno));
}

// Nothing where there is no such file.
std::optional<std::string> contents(const fs::path& path, std::string& why) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return std::nullopt;
  if (!fs::is_regular_file(status)) {
    why = "it is no file";
    return "";
  }
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes > kMostBytes) {
    why = error ? error.message() : "it has " + std::to_string(bytes) + " bytes";
    return "";
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad()) why = "it cannot be read";
  return text;
}

struct Found {
  ParsedTuning parsed;
  std::string note;
  bool foreign = false;
};

Found look(const fs::path& path) {
  Found found;
  std::string why;
  const std::optional<std::string> text = contents(path, why);
  if (!text) return found;
  const std::string name = path.string();
  if (!why.empty()) {
    found.foreign = true;
    found.note = name + " is left out: " + why;
    return found;
  }
  found.parsed = parse_tuning(*text);
  const ParsedTuning& parsed = found.parsed;
  if (parsed.version != 0 && parsed.version != kTuningVersion) {
    found.note = name + " is left out: it is a table of times of version " +
                 std::to_string(parsed.version) + ", expected " + std::to_string(kTuningVersion);
  } else if (parsed.version == 0 && parsed.table.size() == 0 && !text->empty()) {
    found.foreign = true;
    found.note = name + " is left out: it is no table of times that convoy tune wrote";
  } else if (parsed.damaged > 0) {
    found.note = name + ": " + std::to_string(parsed.damaged) +
                 (parsed.damaged == 1 ? " record is" : " records are") + " damaged and left out";
  }
  return found;
}

// Others that save meanwhile wait. Where the lock cannot be had, as on some network file systems,
// the last of two that save at the same moment wins.
class Lock {
 public:
  explicit Lock(const fs::path& path)
      : descriptor_(open((path.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ >= 0) flock(descriptor_, LOCK_EX);
  }
  ~Lock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int descriptor_;
};

void replace_file(const fs::path& path, std::string_view text) {
  std::string fresh = path.string() + ".new-XXXXXX";
  const int descriptor = mkostemp(fresh.data(), O_CLOEXEC);
  if (descriptor < 0) fail_writing(path);
  bool written = true;
  for (std::string_view rest = text; written && !rest.empty();) {
    const ssize_t done = write(descriptor, rest.data(), rest.size());
    if (done > 0) rest.remove_prefix(static_cast<std::size_t>(done));
    written = done > 0 || (done < 0 && errno == EINTR);
  }
  written = written && fsync(descriptor) == 0;
  written = close(descriptor) == 0 && written;
  if (written && rename(fresh.c_str(), path.c_str()) == 0) return;
  const int why = errno;
  unlink(fresh.c_str());
  errno = why;
  fail_writing(path);
}

}  // namespace

TuningFile read_tuning(const fs::path& path) {
  Found found = look(path);
  return {std::move(found.parsed.table), std::move(found.note), found.foreign};
}

void save_tuning(const fs::path& path, const TuningTable& measured) {
  std::error_code error;  // told by the write that fails
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  const Lock lock(path);
  Found found = look(path);
  if (found.foreign) fail(ErrorCode::kInvalidArgument, found.note + "; it is not written over");
  const int version = found.parsed.version;
  if (version != 0 && version != kTuningVersion) {
    fs::rename(path, path.string() + ".version-" + std::to_string(version), error);
    if (error) fail(ErrorCode::kIo, "cannot rename " + path.string() + ": " + error.message());
  }
  found.parsed.table.merge(measured);
  replace_file(path, tuning_text(found.parsed.table));
}

}  // namespace convoy
