// `convoy-bench planner-paper`: the FCM paper's networks planned under its own cost model, on its
// three GPUs: how far its published fusions follow from the rules, and the bytes that each plan
// moves. Needs no GPU.
#include <algorithm>
#include <cstdio>
#include <set>

#include "bench/paper_plan.h"
#include "bench/suite.h"
#include "device/profile.h"

namespace convoy::bench {
namespace {

const char* const kFolder = CONVOY_SOURCE_DIR "/tests/data/fcm_paper";
constexpr const char* kGpus[] = {"gtx-1660", "rtx-a4000", "jetson-agx-orin"};
constexpr std::pair<const char*, std::int64_t> kPrecisions[] = {{"f32", 4}, {"s8", 1}};

std::string list_of(const std::vector<PaperPair>& pairs) {
  std::string text;
  for (const PaperPair& pair : pairs) {
    text += " " + std::to_string(pair.first) + "-" + std::to_string(pair.second) + "(" +
            to_string(pair.module) + ")";
  }
  return text;
}

void print_agreement(const std::vector<PaperNetwork>& networks, const PaperPairs& published,
                     const std::string& gpu) {
  std::printf("\n%s: fusions published and fusions that follow from the model\n", gpu.c_str());
  Agreement all;
  for (const auto& [precision, bytes] : kPrecisions) {
    for (const PaperNetwork& network : networks) {
      const auto pairs = pairs_by_rules(network, {bytes, load_profile(gpu)});
      const Agreement a = compare_pairs(published.at({precision, network.name}), pairs);
      std::printf(
          "%-4s %-14s %3zu both (%zu as the same module), %zu only published, %zu only here\n",
          precision, network.name.c_str(), a.both.size(), a.same_module, a.only_first.size(),
          a.only_second.size());
      if (!a.only_first.empty())
        std::printf("     only published:%s\n", list_of(a.only_first).c_str());
      if (!a.only_second.empty())
        std::printf("     only here:     %s\n", list_of(a.only_second).c_str());
      all.add(a);
    }
  }
  std::printf(
      "all                 %3zu both (%zu as the same module), %zu only published, %zu only here\n",
      all.both.size(), all.same_module, all.only_first.size(), all.only_second.size());
}

struct Traffic {
  double unfused = 0, published = 0, rules = 0, ours = 0;
  bool has_published = true;
  std::size_t impossible = 0;
};

Row row_of(const std::string& plan, const std::string& network, const char* precision,
           const std::string& gpu, double bytes) {
  Row row;
  row.suite = "planner-paper";
  row.layer = network;
  row.implementation = plan;
  row.device = "profile";
  row.device_name = gpu;
  row.dtype = precision;
  row.bytes = bytes;
  return row;
}

void print_traffic(const std::string& name, const char* precision, const std::string& gpu,
                   const Traffic& t, std::vector<Row>& rows) {
  const auto percent = [&](double bytes) { return 100 * (bytes / t.unfused - 1); };
  char published[48] = "             -";
  if (t.has_published) {
    std::snprintf(published, sizeof published, "%7.2f %+5.1f%%", t.published * 1e-6,
                  percent(t.published));
  }
  std::printf("| %-15s | %-4s | %-13s | %8.2f | %14s | %7.2f %+5.1f%% | %7.2f %+5.1f%% |%s\n",
              gpu.c_str(), precision, name.c_str(), t.unfused * 1e-6, published, t.rules * 1e-6,
              percent(t.rules), t.ours * 1e-6, percent(t.ours), t.impossible > 0 ? " *" : "");
  rows.push_back(row_of("layer_by_layer", name, precision, gpu, t.unfused));
  if (t.has_published) rows.push_back(row_of("published", name, precision, gpu, t.published));
  rows.push_back(row_of("rules", name, precision, gpu, t.rules));
  rows.push_back(row_of("optimal", name, precision, gpu, t.ours));
}

Traffic traffic_of(const PaperNetwork& network, const PaperPairs& published, const char* precision,
                   const PaperSetting& setting) {
  Traffic t;
  const auto pairs = published.find({precision, network.name});
  t.has_published = pairs != published.end();
  t.unfused = layer_by_layer(network, setting).bytes();
  if (t.has_published) {
    const PaperPlan plan = with_pairs(network, pairs->second, setting);
    t.published = plan.bytes();
    t.impossible = plan.impossible.size();
  }
  t.rules = with_pairs(network, pairs_by_rules(network, setting), setting).bytes();
  t.ours = optimal(network, setting).bytes();
  return t;
}

}  // namespace

std::vector<Row> planner_paper_suite(const Options&) {
  const std::vector<PaperNetwork> networks = read_paper_networks(kFolder);
  const PaperPairs published = read_paper_pairs(kFolder);
  for (const char* gpu : kGpus) print_agreement(networks, published, gpu);

  std::vector<PaperNetwork> all = networks;
  for (PaperNetwork& block : paper_transformers(CONVOY_SOURCE_DIR "/bench/shapes/fcm.txt")) {
    all.push_back(std::move(block));
  }
  std::printf("\n| %-15s | %-4s | %-13s | %8s | %-14s | %-14s | %-14s |\n", "GPU", "type", "model",
              "unfused", "published", "paper's rules", "ours");
  std::printf("| --- | --- | --- | ---: | ---: | ---: | ---: |\n");
  std::vector<Row> rows;
  for (const char* gpu : kGpus) {
    for (const auto& [precision, bytes] : kPrecisions) {
      Traffic sum;  // of the networks of one model
      for (std::size_t i = 0; i < all.size(); ++i) {
        const Traffic t =
            traffic_of(all[i], published, precision, {bytes, load_profile(gpu)});
        const double n = all[i].repeats;
        sum.unfused += n * t.unfused;
        sum.published += n * t.published;
        sum.rules += n * t.rules;
        sum.ours += n * t.ours;
        sum.has_published &= t.has_published;
        sum.impossible += t.impossible;
        if (i + 1 < all.size() && all[i + 1].name == all[i].name) continue;
        print_traffic(all[i].name, precision, gpu, sum, rows);
        sum = {};
      }
    }
  }
  std::printf("MB a run, batch 1; * some published pairs have no feasible tile on that GPU\n");
  return rows;
}

}  // namespace convoy::bench
