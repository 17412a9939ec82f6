// The text of a table of measured times; its form is in tuning.h.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "plan/tuning.h"

namespace convoy {
namespace {

constexpr std::string_view kHeader = "convoy tuning ", kProblem = "problem ", kDevice = "device ",
                           kRates = "rates ", kCheck = "check ", kEstimated = " us, estimated ",
                           kMicroseconds = " us, ";

// FNV-1a: of all texts that differ in one byte no two have the same.
std::uint32_t check_of(std::string_view text) {
  std::uint32_t hash = 2166136261u + kTuningVersion;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

std::string check_line(std::string_view record) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(check_of(record)));
  return std::string(kCheck) + text + "\n";
}

std::string microseconds(double seconds) {
  char text[40];
  std::snprintf(text, sizeof text, "%12.3f", seconds * 1e6);
  return text;
}

std::string record_text(const std::string& device, const std::string& problem,
                        const TuningRecord& record) {
  std::string text = std::string(kProblem) + problem + "\n" + std::string(kDevice) + device + "\n" +
                     std::string(kRates) + record.rates + "\n";
  for (const TimedWay& way : record.ways) {
    text += microseconds(way.seconds) + std::string(kEstimated) + microseconds(way.estimated) +
            std::string(kMicroseconds) + way.kernel + (way.tile.empty() ? "" : " " + way.tile) +
            "\n";
  }
  return text + check_line(text);
}

// Takes `word` off the front.
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// Takes "     310.421" off the front, in seconds.
bool take_time(std::string_view& text, double& seconds) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value) || value <= 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  seconds = std::round(value * 1e3) * 1e-9;
  return true;
}

bool take_way(std::string_view line, TimedWay& way) {
  if (!take_time(line, way.seconds) || !take(line, kEstimated)) return false;
  if (!take_time(line, way.estimated) || !take(line, kMicroseconds)) return false;
  const std::size_t space = line.find(' ');
  way.kernel = line.substr(0, space);
  if (space != std::string_view::npos) way.tile = line.substr(space + 1);
  return !way.kernel.empty();
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// A record's lines, its check among them.
bool keep_record(std::string_view text, TuningTable& table) {
  const std::size_t check = text.rfind(kCheck);
  if (check_line(text.substr(0, check)) != text.substr(check)) return false;
  std::string_view problem = next_line(text), device = next_line(text), rates = next_line(text);
  if (!take(problem, kProblem) || !take(device, kDevice) || !take(rates, kRates)) return false;
  TuningRecord record{.rates = std::string(rates)};
  for (std::string_view line = next_line(text); !line.starts_with(kCheck); line = next_line(text)) {
    if (!take_way(line, record.ways.emplace_back())) return false;
  }
  if (record.ways.empty()) return false;
  table.keep(std::string(device), std::string(problem), std::move(record));
  return true;
}

int version_of(std::string_view line) {
  if (!take(line, kHeader)) return 0;
  int version = 0;
  const char* const end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data(), end, version);
  return error == std::errc{} && stop == end && version > 0 ? version : 0;
}

}  // namespace

std::string tuning_text(const TuningTable& table) {
  std::string text = std::string(kHeader) + std::to_string(kTuningVersion) +
                     "\n# Times measured by `convoy tune`. Records may be removed; one that is "
                     "changed no longer counts.\n";
  for (const auto& [device, records] : table.devices()) {
    for (const auto& [problem, record] : records) {
      text += "\n" + record_text(device, problem, record);
    }
  }
  return text;
}

ParsedTuning parse_tuning(std::string_view text) {
  ParsedTuning parsed;
  std::string_view rest = text;
  parsed.version = version_of(next_line(rest));
  if (parsed.version != 0 && parsed.version != kTuningVersion) return parsed;
  // A record begins with its problem, whatever is before it, and ends with its check.
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t begin = kNone;
  for (rest = text; !rest.empty();) {
    const std::size_t at = text.size() - rest.size();
    const std::string_view line = next_line(rest);
    if (line.starts_with(kProblem)) {
      if (begin != kNone) ++parsed.damaged;
      begin = at;
    } else if (line.starts_with(kCheck)) {
      const std::size_t end = text.size() - rest.size();
      const bool kept =
          begin != kNone && keep_record(text.substr(begin, end - begin), parsed.table);
      if (!kept) ++parsed.damaged;
      begin = kNone;
    }
  }
  if (begin != kNone) ++parsed.damaged;
  return parsed;
}

}  // namespace convoy
