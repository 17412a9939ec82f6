#include <array>
#include <charconv>

#include "base/error.h"
#include "base/sha256.h"
#include "device/profile.h"
#include "plan/plan_file.h"
#include "plan/plan_words.h"

namespace convoy {
namespace {

constexpr std::size_t kLongestName = 200;  // names are for people

std::string number(double value) {  // as few digits as read back to the same
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::string estimate_text(const Estimate& e) {
  return number(e.seconds) + " s, " + number(e.flops) + " flop, " + number(e.bytes_l2) + " B l2, " +
         number(e.bytes_dram) + " B dram, " + std::to_string(e.workspace_bytes) + " B scratch";
}

class Writer {
 public:
  void line(std::string_view key, const std::string& value) {
    text_ += std::string(key) + " = " + value + '\n';
  }
  void section(std::string_view name) { text_ += "\n[" + std::string(name) + "]\n"; }
  void raw(const std::string& text) { text_ += text; }
  std::string finish() {
    section("end");
    line("sha256", to_hex(sha256(text_)));
    return std::move(text_);
  }

 private:
  std::string text_;
};

void write(Writer& out, const PlanFile::Step& step) {
  out.section("step");
  for (const PlanFile::Node& node : step.nodes) {
    out.line("node", std::to_string(node.index) + ' ' + printable_name(node.name));
  }
  out.line("kernel", step.kernel);
  if (!step.tile.empty()) out.line("tile", step.tile);
  out.line(step.measured ? "measured" : "estimate", estimate_text(step.estimate));
  if (step.estimate.workspace_bytes > 0) {
    out.line("scratch", "at " + std::to_string(step.workspace_offset));
  }
  if (step.apart) out.line("apart", estimate_text(*step.apart));
}

std::string value_text(const PlanFile::Value& value) {
  const Place& place = value.place;
  std::string text = std::to_string(value.number);
  if (place.kind == Place::Kind::kOutput) {
    text += " output " + std::to_string(place.index) + " at ";
  } else {
    text += " arena at ";
  }
  return text + std::to_string(place.offset) + ", " + std::to_string(place.bytes) + " B, " +
         printable_name(value.name);
}

}  // namespace

std::string printable_name(std::string_view name) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  name = name.substr(0, kLongestName);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const bool border = i == 0 || i + 1 == name.size();
    if (byte < ' ' || byte > '~' || byte == '\\' || (byte == ' ' && border)) {
      text += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      text += name[i];
    }
  }
  return text;
}

std::string to_text(const PlanFile& file) {
  Writer out;
  out.raw("# A plan of Convoy: what runs, with which kernel, and where everything lives.\n");
  out.raw("# The last line is the hash of the others: a file that is edited is refused.\n");
  out.line("format", std::to_string(kPlanFormat));
  out.line("convoy", file.version);
  out.line("model", file.model);
  out.line("graph", printable_name(file.graph));
  out.line("objective", std::string(plan_words::to_string(file.objective)));
  out.line("budget", file.memory_budget == SIZE_MAX ? std::string(plan_words::kNoBudget)
                                                    : std::to_string(file.memory_budget) + " B");
  out.line("fuse", file.fuse ? "yes" : "no");
  out.line("reference_only", file.reference_only ? "yes" : "no");
  out.line("what_if", file.what_if ? "yes" : "no");
  out.line("precision", std::string(to_string(file.precision)));
  for (const auto& [key, name] : file.force)
    out.line("force", printable_name(key) + " " + printable_name(name));
  for (const PatchRegion& region : file.patches) {
    out.line("strips", std::to_string(region.strips) + " of nodes " + std::to_string(region.first) +
                           " to " + std::to_string(region.last));
  }
  out.section("device");
  out.raw(profile_text(file.device, "detected", "detected"));
  out.section("threads");
  out.line("threads", std::to_string(file.device.threads));
  for (const PlanFile::Step& step : file.steps) write(out, step);
  out.section("places");
  out.line("arena", std::to_string(file.arena_bytes) + " B");
  for (const PlanFile::Value& value : file.values) out.line("value", value_text(value));
  std::string text = out.finish();
  if (text.size() > kMostPlanBytes) {
    fail(ErrorCode::kUnsupported, "the plan takes " + std::to_string(text.size()) +
                                      " bytes as a file, more than the " +
                                      std::to_string(kMostPlanBytes) + " that are read back");
  }
  return text;
}

}  // namespace convoy
