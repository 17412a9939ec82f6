#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "device/cuda_arch.h"
#include "device/profile.h"
#include "device/profile_keys.h"

namespace convoy {
namespace {

constexpr std::string_view kOrigins[] = {"vendor", "measured", "derived", "detected", "typical"};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Text of a file as messages quote it: printable, and not all of a long one.
std::string quoted(std::string_view text) {
  std::string shown = "'";
  for (char c : text.substr(0, 60)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > 60 ? "...'" : "'");
}

struct Entry {
  std::string_view key, value, origin;
  int line = 0;
};

// One profile on its way into a DeviceDesc.
class Reader {
 public:
  Reader(std::string_view text, std::string origin) : name_(std::move(origin)) {
    if (text.size() > kMostProfileBytes) {
      fail(ErrorCode::kInvalidArgument, name_ + ": more than " +
                                            std::to_string(kMostProfileBytes >> 10) +
                                            " KiB, which no profile has");
    }
    for (int line = 1; !text.empty(); ++line) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      add(text.substr(0, end), line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  DeviceDesc device() {
    DeviceDesc device;
    const Entry kind = take("kind", "cpu or cuda");
    if (kind.value != "cpu" && kind.value != "cuda") refuse(kind, "cpu or cuda");
    if (kind.value == "cuda") device.kind = DeviceDesc::Kind::kCuda;
    const Entry name = take("name", "a name");
    if (name.value.empty()) refuse(name, "a name");
    device.name = name.value;
    if (device.kind == DeviceDesc::Kind::kCuda) {
      read_compute(device.cuda);
    } else {
      const Entry isa = take("isa", "an instruction set");
      if (isa.value.empty()) refuse(isa, "an instruction set, for instance AVX2");
      device.isa = isa.value;
    }
    for (const ProfileKey& key : profile_keys(device.kind)) {
      key.set(device, figure(take(key.name, expected_range(key)), key));
    }
    if (!entries_.empty()) refuse_unknown(entries_.begin()->second, device.kind);
    complete(device);
    return device;
  }

 private:
  void add(std::string_view text, int line) {
    text = trimmed(text);
    if (text.empty() || text.front() == '#') return;
    const std::size_t bar = text.find('|');
    const std::string_view assignment = text.substr(0, bar);
    const std::size_t equals = assignment.find('=');
    if (equals == std::string_view::npos) {
      fail_at(line, "found " + quoted(text) + ", expected 'key = value | origin'");
    }
    Entry entry{
        trimmed(assignment.substr(0, equals)), trimmed(assignment.substr(equals + 1)), {}, line};
    if (bar != std::string_view::npos) entry.origin = trimmed(text.substr(bar + 1));
    if (!entries_.emplace(entry.key, entry).second) {
      fail_at(line, quoted(entry.key) + " is there twice, expected each key once");
    }
  }

  Entry take(std::string_view key, const std::string& expected) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
      fail(ErrorCode::kInvalidArgument,
           name_ + ": there is no '" + std::string(key) + "', expected " + expected);
    }
    const Entry entry = found->second;
    entries_.erase(found);
    return entry;
  }

  double figure(const Entry& entry, const ProfileKey& key) {
    double number = 0;
    const char* const end = entry.value.data() + entry.value.size();
    const auto [stop, error] = std::from_chars(entry.value.data(), end, number);
    if (error != std::errc{} || !std::isfinite(number)) refuse(entry, expected_range(key));
    const std::string_view unit = trimmed({stop, static_cast<std::size_t>(end - stop)});
    if (const std::optional<double> factor = factor_of(unit, key.unit)) {
      number *= *factor;
    } else {
      refuse(entry, expected_range(key) + " in one of the units" + units_of(key.unit));
    }
    const bool whole = key.unit == ProfileKey::Unit::kCount || key.unit == ProfileKey::Unit::kBytes;
    if (number < key.least || number > key.most || (whole && number != std::floor(number))) {
      refuse(entry, expected_range(key) + (whole ? ", a whole number" : ""));
    }
    check_origin(entry);
    return number;
  }

  static std::optional<double> factor_of(std::string_view unit, ProfileKey::Unit kind) {
    if (kind == ProfileKey::Unit::kCount)
      return unit.empty() ? std::optional<double>(1) : std::nullopt;
    for (const ProfileUnit& known : profile_units()) {
      if (known.unit == kind && known.name == unit) return known.factor;
    }
    return std::nullopt;
  }

  static std::string units_of(ProfileKey::Unit kind) {
    std::string list;
    for (const ProfileUnit& known : profile_units()) {
      if (known.unit == kind) list += (list.empty() ? ": " : ", ") + std::string(known.name);
    }
    return list.empty() ? ": none" : list;
  }

  void check_origin(const Entry& entry) {
    const std::string_view word = trimmed(entry.origin.substr(0, entry.origin.find(':')));
    if (std::ranges::find(kOrigins, word) != std::end(kOrigins)) return;
    std::string known;
    for (std::string_view origin : kOrigins)
      known += (known.empty() ? "" : ", ") + std::string(origin);
    fail_at(entry.line, std::string(entry.key) + " is from " + quoted(entry.origin) +
                            ", expected after a '|' one of " + known);
  }

  // "8.6"; the capability decides the rest of what kernels are compiled for.
  void read_compute(CudaDesc& gpu) {
    const Entry entry = take("compute", "a compute capability, for instance 8.6");
    const char* const end = entry.value.data() + entry.value.size();
    const auto major = std::from_chars(entry.value.data(), end, gpu.compute_major);
    const bool dot = major.ec == std::errc{} && major.ptr != end && *major.ptr == '.';
    const auto minor = dot ? std::from_chars(major.ptr + 1, end, gpu.compute_minor) : major;
    if (!dot || minor.ec != std::errc{} || minor.ptr != end || gpu.compute_major < 5 ||
        gpu.compute_major > 20 || gpu.compute_minor < 0 || gpu.compute_minor > 9) {
      refuse(entry, "a compute capability from 5.0 to 20.9");
    }
    check_origin(entry);
  }

  void complete(DeviceDesc& device) {
    device.threads = device.cores;
    if (device.kind == DeviceDesc::Kind::kCpu) return;
    device.threads = 1;
    CudaDesc& gpu = device.cuda;
    gpu.arch = cuda_arch_name(gpu.compute_major, gpu.compute_minor);
    device.l3_bytes = device.l2_bytes;
    device.flops_per_second_core =
        2 * gpu.clock_hz * cuda_f32_lanes(gpu.compute_major, gpu.compute_minor);
    if (gpu.shared_bytes_block > gpu.shared_bytes_multiprocessor) {
      fail(ErrorCode::kInvalidArgument, name_ + ": shared_block is " +
                                            std::to_string(gpu.shared_bytes_block) +
                                            " B, expected no more than shared_multiprocessor, " +
                                            std::to_string(gpu.shared_bytes_multiprocessor) + " B");
    }
  }

  [[noreturn]] void refuse_unknown(const Entry& entry, DeviceDesc::Kind kind) {
    std::string known = "kind, name";
    known += kind == DeviceDesc::Kind::kCuda ? ", compute" : ", isa";
    for (const ProfileKey& key : profile_keys(kind)) known += ", " + std::string(key.name);
    fail_at(entry.line, "unknown key " + quoted(entry.key) + ", expected " + known);
  }

  [[noreturn]] void refuse(const Entry& entry, const std::string& expected) {
    fail_at(entry.line,
            std::string(entry.key) + " is " + quoted(entry.value) + ", expected " + expected);
  }

  [[noreturn]] void fail_at(int line, const std::string& message) {
    fail(ErrorCode::kInvalidArgument, name_ + ":" + std::to_string(line) + ": " + message);
  }

  std::string name_;
  std::map<std::string_view, Entry> entries_;
};

}  // namespace

DeviceDesc parse_profile(std::string_view text, const std::string& origin) {
  return Reader(text, origin).device();
}

}  // namespace convoy
