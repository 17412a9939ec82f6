// The convolutions of real models (ConvBench, tests/data/convbench), and samples of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/conv_desc.h"

namespace convoy::testing {

// Every line of convs.csv, batch 1. Throws where one is not what it says of itself.
inline std::vector<ConvDesc> read_convolutions(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::vector<ConvDesc> all;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::int64_t> v;
    for (std::string field; std::getline(fields, field, ',');) v.push_back(std::stoll(field));
    all.push_back({.n = 1,
                   .c = v.at(0),
                   .h = v.at(1),
                   .w = v.at(2),
                   .k = v.at(3),
                   .r = v.at(4),
                   .s = v.at(5),
                   .stride_h = v.at(10),
                   .stride_w = v.at(11),
                   .dilation_h = v.at(12),
                   .dilation_w = v.at(13),
                   .pad_top = v.at(6),
                   .pad_left = v.at(7),
                   .pad_bottom = v.at(8),
                   .pad_right = v.at(9),
                   .groups = v.at(14)});
    if (all.back().p() != v.at(16) || all.back().q() != v.at(17)) {
      throw std::runtime_error("output extents disagree: " + line);
    }
  }
  return all;
}

// Filter, stride, kind of grouping and decade of work.
inline std::string stratum(const ConvDesc& d) {
  const char* groups = d.groups == 1 ? "dense" : d.is_depthwise() ? "depthwise" : "grouped";
  return std::to_string(std::min<std::int64_t>(d.r, 8)) + "x" +
         std::to_string(std::min<std::int64_t>(d.s, 8)) + " stride " +
         std::to_string(std::min<std::int64_t>(d.stride_h, 4)) + " " + groups + " 1e" +
         std::to_string(std::to_string(d.flops()).size() - 1);
}

// At most `per_stratum` of each stratum, spread over the list; none of more than `most_flops`.
inline std::vector<ConvDesc> stratified_sample(const std::vector<ConvDesc>& all,
                                               std::int64_t most_flops, std::size_t per_stratum,
                                               std::set<std::string>& strata) {
  std::map<std::string, std::vector<ConvDesc>> by_stratum;
  for (const ConvDesc& d : all) {
    if (d.flops() <= most_flops) by_stratum[stratum(d)].push_back(d);
  }
  std::vector<ConvDesc> chosen;
  for (const auto& [name, members] : by_stratum) {
    strata.insert(name);
    const std::size_t count = std::min(per_stratum, members.size());
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(members[i * members.size() / count]);
  }
  return chosen;
}

}  // namespace convoy::testing
