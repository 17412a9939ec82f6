#include "bench/paper_network.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/error.h"
#include "bench/fcm_case.h"

namespace convoy::bench {
namespace {

using Record = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

// A file of comma-separated values whose first line names them.
std::vector<Record> read_records(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) fail(ErrorCode::kNotFound, path + ": no such file, or empty");
  const std::vector<std::string> names = split(line, ',');
  std::vector<Record> records;
  for (int number = 2; std::getline(file, line); ++number) {
    std::vector<std::string> words = split(line, ',');
    if (line.ends_with(',')) words.emplace_back();
    if (words.size() != names.size()) {
      fail(ErrorCode::kInvalidArgument, path + ":" + std::to_string(number) + ": " +
                                            std::to_string(words.size()) + " values, expected " +
                                            std::to_string(names.size()));
    }
    Record& record = records.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) record[names[i]] = words[i];
  }
  return records;
}

std::int64_t number(const Record& record, const std::string& name) {
  const std::string& text = record.at(name);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    fail(ErrorCode::kInvalidArgument, name + " of " + record.at("model") + " " + record.at("id") +
                                          " is '" + text + "', expected a number");
  }
  return value;
}

std::vector<int> numbers(const std::string& text) {
  std::vector<int> list;
  for (const std::string& word : split(text, ' ')) list.push_back(std::stoi(word));
  return list;
}

// One network's operators, by id.
class Reader {
 public:
  explicit Reader(std::map<int, Record> operators) : operators_(std::move(operators)) {}

  PaperNetwork network(const std::string& name) {
    PaperNetwork network;
    network.name = name;
    for (const auto& [id, record] : operators_) {
      if (!is_layer(id)) continue;
      index_[id] = network.layers.size();
      network.ids.push_back(id);
      network.layers.push_back(layer(record));
    }
    for (const int id : network.ids) follow(id, id, {.from = index_[id]}, network);
    return network;
  }

 private:
  const std::string& type(int id) const { return operators_.at(id).at("type"); }

  bool is_layer(int id) const {
    return (type(id) == "depthwise" || type(id) == "pointwise") && number_of_pixels(id) > 1;
  }

  // Classifiers are pointwise convolutions of one pixel in one of the networks, and operators of
  // another type in the others: left out everywhere.
  std::int64_t number_of_pixels(int id) const {
    const Record& record = operators_.at(id);
    return record.at("h_out").empty() ? 0 : number(record, "h_out") * number(record, "w_out");
  }

  paper::Layer layer(const Record& record) const {
    paper::Layer l;
    const bool depthwise = record.at("type") == "depthwise";
    l.kind = depthwise ? paper::Layer::Kind::kDepthwise : paper::Layer::Kind::kPointwise;
    l.c = number(record, "c_in");
    l.k = number(record, "c_out");
    l.h = number(record, "h_in");
    l.w = number(record, "w_in");
    l.p = number(record, "h_out");
    l.q = number(record, "w_out");
    l.r = l.s = number(record, "filter");
    // Extents know better than the column of strides, which has 1 where a map is halved.
    l.stride = (l.h + l.p / 2) / l.p;
    // Padding by an operator of its own is counted as the convolution's: it is no map to be read.
    const int parent = numbers(record.at("parents")).front();
    if (type(parent) == "pad") {
      const Record& before = operators_.at(numbers(operators_.at(parent).at("parents")).front());
      l.h = number(before, "h_out");
      l.w = number(before, "w_out");
    }
    return l;
  }

  // Links from layer `from` to all that take what operator `id` makes, directly or through
  // operators that a kernel could apply to a result.
  void follow(int from, int id, PaperLink link, PaperNetwork& network) {
    const std::vector<int> children = numbers(operators_.at(id).at("children"));
    link.shared |= children.size() > 1;
    for (const int child : children) {
      PaperLink next = link;
      if (is_layer(child)) {
        next.to = index_.at(child);
        network.links.push_back(next);
      } else if (type(child) == "pad" || type(child) == "relu") {
        next.across_padding |= type(child) == "pad";
        follow(from, child, next, network);
      } else if (type(child) == "add") {
        // Applied to the result of the operand that is made last.
        const std::vector<int> operands = numbers(operators_.at(child).at("parents"));
        if (std::ranges::max(operands) != id) continue;
        next.across_addition = true;
        follow(from, child, next, network);
      }
    }
  }

  std::map<int, Record> operators_;
  std::map<int, std::size_t> index_;
};

paper::Layer layer_of(const ConvDesc& desc) {
  const bool depthwise = desc.groups > 1;
  return {depthwise ? paper::Layer::Kind::kDepthwise : paper::Layer::Kind::kPointwise,
          desc.c,
          desc.h,
          desc.w,
          desc.k,
          desc.p(),
          desc.q(),
          desc.r,
          desc.s,
          desc.stride_h};
}

}  // namespace

std::vector<PaperNetwork> read_paper_networks(const std::string& folder) {
  std::map<std::string, std::map<int, Record>> models;
  std::vector<std::string> order;
  for (const Record& record : read_records(folder + "/layers.csv")) {
    const std::string& name = record.at("model");
    if (!models.contains(name)) order.push_back(name);
    models[name][static_cast<int>(number(record, "id"))] = record;
  }
  std::vector<PaperNetwork> networks;
  for (const std::string& name : order) networks.push_back(Reader(models[name]).network(name));
  return networks;
}

std::vector<PaperNetwork> paper_transformers(const std::string& shapes) {
  const struct {
    const char *model, *block;
    int repeats;
  } kBlocks[] = {{"ceit_t", "ceit_pwdwpw_192_768_192_14", 12},
                 {"cmt_ti", "cmt_pwdwpw_46_165_46_56", 2},
                 {"cmt_ti", "cmt_pwdwpw_92_331_92_28", 2},
                 {"cmt_ti", "cmt_pwdwpw_184_662_184_14", 10},
                 {"cmt_ti", "cmt_pwdwpw_368_1324_368_7", 2}};
  Options options;
  options.shapes = shapes;
  std::vector<PaperNetwork> networks;
  for (const auto& block : kBlocks) {
    options.layers = {block.block};
    PaperNetwork& network = networks.emplace_back();
    network.name = block.model;
    network.repeats = block.repeats;
    const FcmCase fcm = selected_fcm_cases(options).front();
    for (const ConvDesc& stage : fcm.stages) {
      if (!network.layers.empty()) {
        network.links.push_back({network.layers.size() - 1, network.layers.size()});
      }
      network.ids.push_back(static_cast<int>(network.layers.size()));
      network.layers.push_back(layer_of(stage));
    }
  }
  return networks;
}

PaperPairs read_paper_pairs(const std::string& folder) {
  PaperPairs pairs;
  for (const Record& record : read_records(folder + "/fused_pairs.csv")) {
    pairs[{record.at("precision"), record.at("model")}].push_back(
        {std::stoi(record.at("first_id")), std::stoi(record.at("second_id")),
         paper::parse_module(record.at("module"))});
  }
  return pairs;
}

}  // namespace convoy::bench
