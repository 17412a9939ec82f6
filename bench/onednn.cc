#include "bench/suite.h"

#ifdef CONVOY_BENCH_HAVE_ONEDNN

#include <omp.h>

#include <dnnl.hpp>

namespace convoy::bench {

std::vector<Row> onednn_rows(const Options& options, const NamedConv& layer,
                             const std::string& layout) {
  if (!selected(options.peers, "onednn")) return {};
  using dnnl::memory;
  const ConvDesc& d = layer.desc;
  omp_set_num_threads(options.threads);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto tag = layout == "nhwc" ? memory::format_tag::nhwc : memory::format_tag::any;
  const memory::dims weight_dims =
      d.groups > 1 ? memory::dims{d.groups, d.k / d.groups, d.c / d.groups, d.r, d.s}
                   : memory::dims{d.k, d.c, d.r, d.s};
  const auto f32 = memory::data_type::f32;
  const memory::desc x({d.n, d.c, d.h, d.w}, f32, tag),
      w(weight_dims, f32, memory::format_tag::any), y({d.n, d.k, d.p(), d.q()}, f32, tag);
  const dnnl::convolution_forward::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto, x, w, y,
      {d.stride_h, d.stride_w}, {d.dilation_h - 1, d.dilation_w - 1}, {d.pad_top, d.pad_left},
      {d.pad_bottom, d.pad_right});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::convolution_forward::primitive_desc primitive(description, attributes, engine);
  dnnl::convolution_forward convolution(primitive);
  const auto filled = [&](const memory::desc& desc) {
    memory m(desc, engine);
    auto* values = static_cast<float*>(m.get_data_handle());
    for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) {
      values[i] = static_cast<float>(i % 255) / 127 - 1;
    }
    return m;
  };
  const memory mx = filled(primitive.src_desc()), mw = filled(primitive.weights_desc()),
               my = filled(primitive.dst_desc()), ms = filled(primitive.scratchpad_desc());
  Row row{.suite = "im2win12",
          .layer = layer.name,
          .implementation = std::string("onednn.") + primitive.impl_info_str(),
          .layout = layout};
  row.batch = d.n;
  row.threads = options.threads;
  measure_time(
      options.seconds,
      [&] {
        convolution.execute(stream, {{DNNL_ARG_SRC, mx},
                                     {DNNL_ARG_WEIGHTS, mw},
                                     {DNNL_ARG_DST, my},
                                     {DNNL_ARG_SCRATCHPAD, ms}});
        stream.wait();
      },
      row);
  row.flops = static_cast<double>(d.flops());
  row.bytes =
      static_cast<double>(primitive.src_desc().get_size() + primitive.weights_desc().get_size() +
                          primitive.dst_desc().get_size());
  row.workspace_bytes = static_cast<double>(primitive.scratchpad_desc().get_size());
  return {row};
}

}  // namespace convoy::bench

#else

namespace convoy::bench {

std::vector<Row> onednn_rows(const Options&, const NamedConv&, const std::string&) { return {}; }

}  // namespace convoy::bench

#endif
