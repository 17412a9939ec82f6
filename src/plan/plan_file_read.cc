#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/sha256.h"
#include "device/profile.h"
#include "plan/plan_file.h"
#include "plan/plan_words.h"

namespace convoy {
namespace {

constexpr std::string_view kEnd = "\n[end]\nsha256 = ";

// Text of a file as messages quote it: printable, and not all of a long one.
std::string quoted(std::string_view text) {
  std::string shown = "'";
  for (char c : text.substr(0, 60)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > 60 ? "...'" : "'");
}

// What a line holds after its "key = ", read from the left.
class Words {
 public:
  Words(std::string_view text, std::string where) : rest_(text), where_(std::move(where)) {}

  // The next characters are these.
  Words& expect(std::string_view literal) {
    if (!rest_.starts_with(literal)) refuse(quoted(literal));
    rest_.remove_prefix(literal.size());
    return *this;
  }
  bool take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }

  template <class T>
  T whole(T most = std::numeric_limits<T>::max()) {
    T value{};
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || value < 0 || value > most) {
      refuse("a whole number from 0 to " + std::to_string(most));
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  double real() {
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || !std::isfinite(value) || std::signbit(value)) {
      refuse("a number that is finite and not negative");
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  // The rest of the line, escapes undone.
  std::string name() {
    std::string text;
    while (!rest_.empty()) {
      if (!take("\\x")) {
        text += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      int byte = 0;
      const char* const end = rest_.data() + std::min<std::size_t>(rest_.size(), 2);
      if (std::from_chars(rest_.data(), end, byte, 16).ptr != rest_.data() + 2 || byte < 0) {
        refuse("two hexadecimal digits");
      }
      text += static_cast<char>(byte);
      rest_.remove_prefix(2);
    }
    return text;
  }

  void end() {
    if (!rest_.empty()) refuse("the end of the line");
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    fail(ErrorCode::kInvalidArgument,
         where_ + ": found " + quoted(rest_) + ", expected " + expected);
  }

 private:
  std::string_view rest_;
  std::string where_;
};

// A file from its first line to its last; what is there is there in this order.
class Reader {
 public:
  Reader(std::string_view text, std::string origin) : rest_(text), origin_(std::move(origin)) {}

  PlanFile run() {
    check_whole();
    PlanFile file;
    read_header(file);
    read_device(file.device);
    while (next_ == "[step]") file.steps.push_back(read_step());
    read_places(file);
    take_line("[end]");
    return file;
  }

 private:
  // Before anything else is believed: all of the file is there, and none of it was changed.
  void check_whole() {
    if (rest_.size() > kMostPlanBytes) {
      refuse("more than " + std::to_string(kMostPlanBytes >> 20) + " MiB, which no plan has");
    }
    check_format();
    const std::size_t end = rest_.rfind(kEnd);
    constexpr std::size_t kDigits = 64;
    if (end == std::string_view::npos || rest_.size() != end + kEnd.size() + kDigits + 1 ||
        rest_.back() != '\n') {
      refuse("the end is missing, expected 'sha256 = ' and " + std::to_string(kDigits) +
             " digits as the last line: the file is cut off or damaged");
    }
    const std::size_t hashed = end + std::string_view("\n[end]\n").size();
    if (to_hex(sha256(rest_.substr(0, hashed))) != rest_.substr(end + kEnd.size(), kDigits)) {
      refuse("its hash is not that of its contents: the file is damaged or was edited");
    }
    rest_ = rest_.substr(0, hashed);
    advance();
  }

  // Said of files of another version, whatever else is in them.
  void check_format() const {
    constexpr std::string_view kKey = "\nformat = ";
    const std::size_t at = rest_.substr(0, 1 << 10).find(kKey);
    if (!rest_.starts_with('#') || at == std::string_view::npos) {
      refuse("no plan of Convoy: there is no 'format = " + std::to_string(kPlanFormat) + "'");
    }
    const std::string_view value = rest_.substr(at + kKey.size());
    const std::string_view version = value.substr(0, value.find('\n'));
    if (version == std::to_string(kPlanFormat)) return;
    fail(ErrorCode::kUnsupported, origin_ + ": a plan of format " + quoted(version) +
                                      ", expected " + std::to_string(kPlanFormat) +
                                      ": save it again with this version of Convoy");
  }

  // The next line that is neither empty nor a comment becomes next_.
  void advance() {
    do {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      done_ = rest_.empty();
      next_ = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++line_;
    } while (!done_ && (next_.empty() || next_.front() == '#'));
  }

  std::string where() const { return origin_ + ":" + std::to_string(line_); }

  void take_line(std::string_view expected) {
    if (done_ || next_ != expected) {
      fail(ErrorCode::kInvalidArgument, where() + ": found " + (done_ ? "the end" : quoted(next_)) +
                                            ", expected " + quoted(expected));
    }
    advance();
  }

  bool is(std::string_view key) const {
    return !done_ && next_.starts_with(key) && next_.substr(key.size()).starts_with(" =");
  }

  // The value of the next line, which must have this key.
  std::string_view text(std::string_view key) {
    if (!is(key)) {
      fail(ErrorCode::kInvalidArgument, where() + ": found " + (done_ ? "the end" : quoted(next_)) +
                                            ", expected '" + std::string(key) + " = ...'");
    }
    std::string_view value = next_.substr(key.size() + 2);
    if (value.starts_with(' ')) value.remove_prefix(1);
    value_line_ = where();
    advance();
    return value;
  }

  Words words(std::string_view key) {
    const std::string_view value = text(key);
    return {value, value_line_};
  }

  template <class T>
  T choice(std::string_view key, std::span<const std::pair<T, std::string_view>> choices) {
    const std::string_view value = text(key);
    std::string known;
    for (const auto& [result, word] : choices) {
      if (word == value) return result;
      known += (known.empty() ? "" : " or ") + std::string(word);
    }
    fail(ErrorCode::kInvalidArgument,
         value_line_ + ": found " + quoted(value) + ", expected " + known);
  }

  void read_header(PlanFile& file) {
    text("format");
    file.version = words("convoy").name();
    file.model = text("model");
    file.graph = words("graph").name();
    file.objective = choice<Objective>("objective", plan_words::kObjectives);
    Words budget = words("budget");
    if (!budget.take(plan_words::kNoBudget)) {
      file.memory_budget = budget.whole<std::size_t>();
      budget.expect(" B");
    }
    budget.end();
    constexpr std::pair<bool, std::string_view> kYesOrNo[] = {{true, "yes"}, {false, "no"}};
    file.fuse = choice<bool>("fuse", kYesOrNo);
    file.reference_only = choice<bool>("reference_only", kYesOrNo);
    file.what_if = choice<bool>("what_if", kYesOrNo);
    file.precision = choice<DType>("precision", plan_words::kPrecisions);
    while (is("force")) {
      const std::string_view forced = text("force");
      const std::size_t space = std::min(forced.find(' '), forced.size());
      Words key(forced.substr(0, space), value_line_);
      Words name(forced.substr(std::min(space + 1, forced.size())), value_line_);
      file.force[key.name()] = name.name();
    }
    while (is("strips")) {
      Words line = words("strips");
      PatchRegion region;
      region.strips = line.whole<std::int64_t>();
      region.first = line.expect(" of nodes ").whole<std::int32_t>();
      region.last = line.expect(" to ").whole<std::int32_t>();
      line.end();
      file.patches.push_back(region);
    }
  }

  void read_device(DeviceDesc& device) {
    take_line("[device]");
    std::string profile;
    for (; !done_ && !next_.starts_with('['); advance()) profile += std::string(next_) + '\n';
    device = parse_profile(profile, origin_ + ", [device]");
    take_line("[threads]");
    Words threads = words("threads");
    constexpr int kMostThreads = 1024;
    device.threads = threads.whole<int>(kMostThreads);
    if (device.threads == 0) threads.refuse("at least one thread");
    threads.end();
  }

  static Estimate estimate(Words words) {
    Estimate e;
    e.seconds = words.real();
    e.flops = words.expect(" s, ").real();
    e.bytes_l2 = words.expect(" flop, ").real();
    e.bytes_dram = words.expect(" B l2, ").real();
    e.workspace_bytes = words.expect(" B dram, ").whole<std::size_t>();
    words.expect(" B scratch").end();
    return e;
  }

  PlanFile::Step read_step() {
    take_line("[step]");
    PlanFile::Step step;
    do {
      Words node = words("node");
      const auto index = node.whole<std::int32_t>();
      step.nodes.push_back({index, node.expect(" ").name()});
    } while (is("node"));
    step.kernel = text("kernel");
    if (is("tile")) step.tile = text("tile");
    step.measured = is("measured");
    step.estimate = estimate(words(step.measured ? "measured" : "estimate"));
    if (step.estimate.workspace_bytes > 0) {
      Words scratch = words("scratch");
      step.workspace_offset = scratch.expect("at ").whole<std::size_t>();
      scratch.end();
    }
    if (is("apart")) step.apart = estimate(words("apart"));
    return step;
  }

  void read_places(PlanFile& file) {
    take_line("[places]");
    Words arena = words("arena");
    file.arena_bytes = arena.whole<std::size_t>();
    arena.expect(" B").end();
    while (is("value")) {
      Words line = words("value");
      PlanFile::Value value;
      value.number = line.whole<std::int32_t>();
      value.place.kind = Place::Kind::kArena;
      if (line.take(" output ")) {
        value.place.kind = Place::Kind::kOutput;
        value.place.index = line.whole<std::int32_t>();
      } else {
        line.expect(" arena");
      }
      value.place.offset = line.expect(" at ").whole<std::size_t>();
      value.place.bytes = line.expect(", ").whole<std::size_t>();
      value.name = line.expect(" B, ").name();
      file.values.push_back(std::move(value));
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::kInvalidArgument, origin_ + ": " + why);
  }

  std::string_view rest_, next_;
  std::string origin_, value_line_;
  int line_ = 0;
  bool done_ = false;
};

}  // namespace

PlanFile parse_plan_file(std::string_view text, const std::string& origin) {
  return Reader(text, origin).run();
}

}  // namespace convoy
