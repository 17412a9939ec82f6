#include "cuda/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "cuda/cache_entry.h"

namespace convoy::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultLimit = std::int64_t{512} << 20;
constexpr const char* kEntrySuffix = ".kernel";

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::int64_t bytes_of(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const int shift = unit == end       ? 0
                    : unit + 1 != end ? -1
                    : *unit == 'K'    ? 10
                    : *unit == 'M'    ? 20
                    : *unit == 'G'    ? 30
                                      : -1;
  if (error != std::errc() || shift < 0 || number < 0 || number > INT64_MAX >> shift) {
    fail(ErrorCode::kInvalidArgument,
         "CONVOY_CACHE_SIZE is '" + text + "'; expected bytes, or a number with K, M or G");
  }
  return number << shift;
}

fs::path folder_of_environment() {
  if (const std::string named = variable("CONVOY_CACHE_DIR"); !named.empty()) return named;
  // Relative paths there are to be ignored, says the XDG Base Directory Specification.
  if (const fs::path base = variable("XDG_CACHE_HOME"); base.is_absolute()) return base / "convoy";
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache/convoy";
  return {};
}

// Code from it will run: nobody but its user and root may have put it there.
std::string why_not(const fs::path& folder) {
  struct stat found;
  if (stat(folder.c_str(), &found) != 0) return folder.string() + ": " + std::strerror(errno);
  if (!S_ISDIR(found.st_mode)) return folder.string() + " is not a folder";
  const bool own = found.st_uid == geteuid() || found.st_uid == 0 || geteuid() == 0;
  if (!own) return folder.string() + " belongs to another user";
  if ((found.st_mode & S_IWOTH) != 0) return "every user may write to " + folder.string();
  if (access(folder.c_str(), R_OK | X_OK) != 0) return folder.string() + " may not be read";
  return "";
}

std::optional<std::string> read_file(const fs::path& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat found;
  if (file.get() < 0 || fstat(file.get(), &found) != 0) return std::nullopt;
  if (!S_ISREG(found.st_mode) || found.st_size > kDefaultLimit) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(found.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  futimens(file.get(), nullptr);  // used now; where that is refused, it only is evicted sooner
  return bytes;
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(descriptor, bytes.data(), bytes.size());
    if (done <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

// Complete under a name of its own first: nobody finds half a file.
bool replace_file(const fs::path& path, std::string_view bytes) {
  std::string fresh = path.string() + ".new-XXXXXX";
  const File file(mkostemp(fresh.data(), O_CLOEXEC));  // readable by its user alone
  if (file.get() < 0) return false;
  if (write_all(file.get(), bytes) && rename(fresh.c_str(), path.c_str()) == 0) return true;
  unlink(fresh.c_str());
  return false;
}

struct Entry {
  fs::path path;
  std::int64_t bytes;
  fs::file_time_type used;
};

// Other processes add and remove files meanwhile: what is gone when looked at is left out.
std::vector<Entry> files_of(const fs::path& folder) {
  std::vector<Entry> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const bool regular = at->symlink_status(gone).type() == fs::file_type::regular;
    const auto bytes = at->file_size(gone);
    const auto used = at->last_write_time(gone);
    if (!regular || gone) continue;
    files.push_back({at->path(), static_cast<std::int64_t>(bytes), used});
  }
  return files;
}

bool is_entry(const Entry& file) { return file.path.extension() == kEntrySuffix; }

// Written under a name that nobody has, which a process that ended early leaves behind.
bool is_abandoned(const Entry& file) {
  return file.path.filename().string().find(".new-") != std::string::npos &&
         fs::file_time_type::clock::now() - file.used > std::chrono::hours(1);
}

}  // namespace

Cache Cache::of_environment() {
  const std::string size = variable("CONVOY_CACHE_SIZE");
  const std::int64_t limit = size.empty() ? kDefaultLimit : bytes_of(size);
  const char* named = std::getenv("CONVOY_CACHE_DIR");
  if (named != nullptr && (*named == '\0' || std::strcmp(named, "off") == 0)) {
    Cache off;
    off.off_ = "switched off by CONVOY_CACHE_DIR";
    return off;
  }
  return Cache(folder_of_environment(), limit);
}

Cache::Cache(fs::path folder, std::int64_t limit_bytes)
    : folder_(std::move(folder)), limit_bytes_(limit_bytes) {
  if (folder_.empty()) {
    off_ = "neither CONVOY_CACHE_DIR nor XDG_CACHE_HOME nor HOME names a folder";
    return;
  }
  std::error_code error;  // the folder's absence, if any, is told below
  if (folder_.has_parent_path()) fs::create_directories(folder_.parent_path(), error);
  mkdir(folder_.c_str(), S_IRWXU);
  off_ = why_not(folder_);
}

fs::path Cache::entry(const Digest& key) const { return folder_ / (to_hex(key) + kEntrySuffix); }

std::optional<Binary> Cache::find(const Digest& key) const {
  if (!off_.empty()) return std::nullopt;
  const std::optional<std::string> bytes = read_file(entry(key));
  return bytes ? read_entry(key, *bytes) : std::nullopt;
}

void Cache::keep(const Digest& key, const Binary& binary) const {
  if (!off_.empty()) return;
  const std::string bytes = write_entry(key, binary);
  if (static_cast<std::int64_t>(bytes.size()) > limit_bytes_) return;
  if (replace_file(entry(key), bytes)) make_room();
}

std::string Cache::note(const std::string& name) const {
  return off_.empty() ? read_file(folder_ / name).value_or("") : "";
}

void Cache::keep_note(const std::string& name, const std::string& text) const {
  if (off_.empty()) replace_file(folder_ / name, text);
}

void Cache::make_room() const {
  std::vector<Entry> files = files_of(folder_);
  std::int64_t bytes = 0;
  for (const Entry& file : files) {
    if (is_abandoned(file)) unlink(file.path.c_str());
    if (is_entry(file)) bytes += file.bytes;
  }
  if (bytes <= limit_bytes_) return;
  std::ranges::sort(files, {}, &Entry::used);
  for (const Entry& file : files) {
    if (bytes <= limit_bytes_) return;
    if (!is_entry(file)) continue;
    unlink(file.path.c_str());
    bytes -= file.bytes;
  }
}

Cache::Usage Cache::usage() const {
  Usage usage;
  if (!off_.empty()) return usage;
  for (const Entry& file : files_of(folder_)) {
    if (!is_entry(file)) continue;
    ++usage.entries;
    usage.bytes += file.bytes;
  }
  return usage;
}

}  // namespace convoy::cuda
