#include "device/profile.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "device/profile_files.h"
#include "device/profile_keys.h"

namespace convoy {
namespace {

constexpr std::string_view kSuffix = ".profile";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Letters to insert, delete or replace to make one of the other (Levenshtein); their case is free.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

[[noreturn]] void fail_unknown(const std::string& name) {
  const std::vector<std::string> names = profile_names();
  std::string known;
  for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
  const auto nearest = std::ranges::min_element(names, {}, [&](const std::string& each) {
    return distance(each, std::string_view(name).substr(0, 64));
  });
  fail(ErrorCode::kNotFound, "there is no profile '" + name + "', the nearest is " + *nearest +
                                 "; expected a file's path or one of " + known);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One more than is allowed, so that the reader sees that there is more.
  std::string text(kMostProfileBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || (file.fail() && !file.eof())) {
    fail(ErrorCode::kNotFound, "profile " + path + ": no such file, or it cannot be read");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const ProfileFile& file : profile_files()) {
    const std::string_view name = file.name;
    names.emplace_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

DeviceDesc load_profile(const std::string& name_or_path) {
  for (const ProfileFile& file : profile_files()) {
    if (file.name == name_or_path + std::string(kSuffix))
      return parse_profile(file.text, file.name);
  }
  if (!name_or_path.ends_with(kSuffix) && name_or_path.find('/') == std::string::npos) {
    fail_unknown(name_or_path);
  }
  return parse_profile(read_file(name_or_path), name_or_path);
}

std::string profile_text(const DeviceDesc& device, const std::string& sizes,
                         const std::string& rates) {
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value, const std::string& origin) {
    text += std::string(key) + " = " + value + (origin.empty() ? "" : "  | " + origin) + '\n';
  };
  const bool gpu = device.kind == DeviceDesc::Kind::kCuda;
  line("kind", gpu ? "cuda" : "cpu", "");
  std::string name = device.name;  // whatever a driver says, on one line
  std::ranges::replace_if(
      name, [](unsigned char c) { return c == '|' || c < ' '; }, ' ');
  line("name", name, "");
  if (gpu) {
    const CudaDesc& cuda = device.cuda;
    line("compute", std::to_string(cuda.compute_major) + '.' + std::to_string(cuda.compute_minor),
         sizes);
  } else {
    line("isa", device.isa, "");
  }
  for (const ProfileKey& key : profile_keys(device.kind)) {
    const bool size = key.unit == ProfileKey::Unit::kCount || key.unit == ProfileKey::Unit::kBytes;
    line(key.name, figure_text(key.get(device), key.unit), size ? sizes : rates);
  }
  return text;
}

}  // namespace convoy
