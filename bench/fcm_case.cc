#include "bench/fcm_case.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "kernels/conv/conv.h"

namespace convoy::bench {
namespace {

[[noreturn]] void refuse(const std::string& what) { fail(ErrorCode::kInvalidArgument, what); }

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// The number after `prefix`; 0 where the word begins otherwise.
std::int64_t number_after(const std::string& word, const std::string& prefix) {
  if (!word.starts_with(prefix)) return 0;
  std::int64_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + prefix.size(), end, number);
  return error == std::errc() && stop == end && number > 0 ? number : 0;
}

Unary activation_of(const std::string& word) {
  const struct {
    const char* name;
    Unary unary;
  } known[] = {{"relu", {UnaryKind::kRelu}},
               {"relu6", {UnaryKind::kClip, 0, 6}},
               {"gelu", {UnaryKind::kGelu}},
               {"silu", {UnaryKind::kSilu}},
               {"hardswish", {UnaryKind::kHardSwish, 1.0f / 6, 0.5f}}};
  for (const auto& [name, unary] : known) {
    if (word == name) return unary;
  }
  refuse("unknown word '" + word + "', expected strideN or an activation");
}

// The convolution that takes `x`, which `words` describe.
ConvDesc stage_of(const std::vector<std::string>& words, const ConvDesc& x, FusedConvStage& attrs) {
  ConvDesc d{.n = x.n, .c = x.c, .h = x.h, .w = x.w};
  if (const std::int64_t r = number_after(words[0], "dw"); r > 0) {
    d.k = d.groups = d.c;
    d.r = d.s = r;
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = r / 2;
  } else if (const std::int64_t k = number_after(words[0], "pw"); k > 0) {
    d.k = k;
  } else {
    refuse("unknown stage '" + words[0] + "', expected dwR or pwK");
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (const std::int64_t stride = number_after(words[i], "stride"); stride > 0) {
      d.stride_h = d.stride_w = stride;
    } else {
      attrs.conv.epilogue.activation = activation_of(words[i]);
    }
  }
  d.validate();
  attrs.conv.stride = {d.stride_h, d.stride_w};
  attrs.conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
  attrs.conv.groups = d.groups;
  return d;
}

void read_residual(const std::vector<std::string>& words, FcmCase& fcm) {
  using Residual = Epilogue::Residual;
  const std::string which = words.size() > 1 ? words[1] : "";
  if (which != "x" && which != "other") {
    refuse("a residual is x or other, not '" + which + "'");
  }
  fcm.residual_is_x = which == "x";
  const bool after = words.size() > 2 && words[2] == "after";
  if (words.size() > 2 && !after) refuse("unknown word '" + words[2] + "', expected after");
  fcm.attrs.residual = after ? Residual::kAfterActivation : Residual::kBeforeActivation;
}

bool is_named(const FcmCase& fcm, const std::string& word) {
  return word == fcm.name || word == fcm.module || word == fcm.name.substr(0, fcm.name.find('_')) ||
         std::find(fcm.marks.begin(), fcm.marks.end(), word) != fcm.marks.end();
}

}  // namespace

FcmCase parse_fcm_case(const std::string& line) {
  FcmCase fcm;
  ConvDesc map;  // what the next stage takes
  std::istringstream segments(line);
  bool first = true;
  for (std::string segment; std::getline(segments, segment, '|'); first = false) {
    const std::vector<std::string> words = words_of(segment);
    if (words.empty()) refuse("nothing between two '|'");
    if (first) {
      if (words.size() != 4) refuse("expected a name and a map, as in 'name c32 h112 w112'");
      fcm.name = words[0];
      map.c = number_after(words[1], "c");
      map.h = number_after(words[2], "h");
      map.w = number_after(words[3], "w");
      if (map.c * map.h * map.w == 0) refuse("a map is 'c32 h112 w112', not '" + segment + "'");
    } else if (words[0] == "residual") {
      read_residual(words, fcm);
    } else if (words[0] == "marks") {
      fcm.marks.assign(words.begin() + 1, words.end());
    } else {
      if (fcm.stages.size() == kMostFcmStages) refuse("'" + line + "' has too many stages");
      FusedConvStage attrs;
      const ConvDesc stage = stage_of(words, map, attrs);
      // A step that carries the range of what it is activated to: 6, or some standard deviations.
      attrs.y_scale = 6.0f / 127;
      fcm.attrs.stages.push_back(attrs);
      fcm.stages.push_back(stage);
      fcm.module += words[0].substr(0, 2);
      map = {.n = 1, .c = stage.k, .h = stage.p(), .w = stage.q()};
    }
  }
  if (fcm.stages.empty()) refuse("'" + line + "' has no stage");
  const ConvDesc& x = fcm.stages.front();
  if (fcm.residual_is_x && conv_x_shape(x) != conv_y_shape(fcm.stages.back())) {
    refuse("the residual is x, which has another shape than y");
  }
  fcm.attrs.residual_scale = 6.0f / 127;
  return fcm;
}

std::vector<FcmCase> read_fcm_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(ErrorCode::kNotFound, "cannot read " + path);
  std::vector<FcmCase> cases;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    if (words_of(line).empty()) continue;
    try {
      cases.push_back(parse_fcm_case(line));
    } catch (const Error& error) {
      fail(error.code(), path + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return cases;
}

FcmCase with_split(FcmCase fcm) {
  for (FusedConvStage& stage : fcm.attrs.stages) stage.conv.precision = Precision::kSplit;
  return fcm;
}

std::string arithmetic_name(const FcmCase& fcm, DType dtype) {
  const bool split =
      dtype == DType::kF32 && fcm.attrs.stages.front().conv.precision == Precision::kSplit;
  return std::string(to_string(dtype)) + (split ? "_split" : "");
}

FcmCase with_batch(FcmCase fcm, std::int64_t batch) {
  for (ConvDesc& stage : fcm.stages) stage.n = batch;
  return fcm;
}

std::vector<FcmCase> selected_fcm_cases(const Options& options) {
  const std::vector<FcmCase> all = read_fcm_cases(options.shapes);
  for (const std::string& word : options.layers) {
    if (std::none_of(all.begin(), all.end(), [&](const auto& c) { return is_named(c, word); })) {
      fail(ErrorCode::kNotFound, options.shapes + " has nothing called '" + word + "'");
    }
  }
  std::vector<FcmCase> cases;
  for (const FcmCase& fcm : all) {
    const auto named = [&](const std::string& word) { return is_named(fcm, word); };
    if (!options.layers.empty() &&
        std::none_of(options.layers.begin(), options.layers.end(), named))
      continue;
    for (const std::int64_t batch : options.batches) cases.push_back(with_batch(fcm, batch));
  }
  return cases;
}

double FcmCase::flops() const {
  double sum = 0;
  for (const ConvDesc& stage : stages) sum += static_cast<double>(stage.flops());
  return sum;
}

double FcmCase::bytes(DType dtype) const {
  const bool quantised = dtype == DType::kS8;
  const auto bytes_of = [](std::int64_t elements, std::size_t size) {
    return static_cast<double>(elements) * static_cast<double>(size);
  };
  const std::int64_t y = conv_y_shape(stages.back()).elements();
  double sum = bytes_of(conv_x_shape(stages.front()).elements() + y, size_of(dtype));
  if (attrs.residual != Epilogue::Residual::kNone && !residual_is_x) {
    sum += bytes_of(y, size_of(dtype));
  }
  for (const ConvDesc& d : stages) {
    sum += bytes_of(conv_w_shape(d).elements(), size_of(dtype));
    sum += bytes_of(d.k, quantised ? 8 : size_of(dtype));  // s8: an s32 and an f32
  }
  return sum;
}

double FcmCase::intermediate_bytes(DType dtype) const {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < stages.size(); ++i) {
    sum += 2 * static_cast<double>(conv_y_shape(stages[i]).elements()) *
           static_cast<double>(size_of(dtype));
  }
  return sum;
}

}  // namespace convoy::bench
